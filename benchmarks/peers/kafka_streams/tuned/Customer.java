import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;

/** A customer's state. A touch is encoded once and copied from then on, as bytes: the history is opened only for an action. */
final class Customer {
    private static final int HISTORY = 16;
    private static final int FIXED_BYTES = 8 + 4 + 4 + 8 + 3 * 8 + 4;

    double friction;
    int failures;
    int contacts;
    long updatedAt;
    final long[] fired = new long[3];
    private int touches;
    private byte[] history = new byte[0]; // each touch: its length in two bytes, then itself

    static Serde<Customer> serde() {
        return Serdes.serdeFrom((topic, state) -> state == null ? null : state.write(), (topic, bytes) -> bytes == null ? null : read(bytes));
    }

    void add(Event.Touchpoint event) {
        byte[] touch = new AvroOut()
                .string(event.eventId()).number(event.occurredAt()).string(event.channel()).string(event.journey())
                .string(event.touchpoint()).number(event.outcome())
                .number(event.durationMs() == null ? 0 : 1).number(event.durationMs() == null ? 0 : event.durationMs())
                .bytes();
        int from = touches == HISTORY ? next(0) : 0;
        int kept = history.length - from;
        byte[] longer = new byte[kept + 2 + touch.length];
        System.arraycopy(history, from, longer, 0, kept);
        ByteBuffer.wrap(longer).putShort(kept, (short) touch.length).put(kept + 2, touch);
        history = longer;
        touches = Math.min(touches + 1, HISTORY);
    }

    /** Ids of the newest touches, the oldest first. */
    String[] newest(int count) {
        int at = 0;
        for (int skipped = touches; skipped > count; skipped--) {
            at = next(at);
        }
        String[] ids = new String[Math.min(count, touches)];
        for (int i = 0; i < ids.length; i++, at = next(at)) {
            ids[i] = new String(history, at + 3, history[at + 2] >> 1, StandardCharsets.UTF_8); // a uuid: one byte of length
        }
        return ids;
    }

    private int next(int at) {
        return at + 2 + ((history[at] & 0xff) << 8 | history[at + 1] & 0xff);
    }

    private byte[] write() {
        var out = ByteBuffer.allocate(FIXED_BYTES + history.length);
        out.putDouble(friction).putInt(failures).putInt(contacts).putLong(updatedAt);
        for (long at : fired) {
            out.putLong(at);
        }
        return out.putInt(touches).put(history).array();
    }

    private static Customer read(byte[] bytes) {
        var in = ByteBuffer.wrap(bytes);
        var state = new Customer();
        state.friction = in.getDouble();
        state.failures = in.getInt();
        state.contacts = in.getInt();
        state.updatedAt = in.getLong();
        for (int i = 0; i < state.fired.length; i++) {
            state.fired[i] = in.getLong();
        }
        state.touches = in.getInt();
        state.history = Arrays.copyOfRange(bytes, FIXED_BYTES, bytes.length);
        return state;
    }
}
