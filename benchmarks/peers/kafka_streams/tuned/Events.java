import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;

/** The job's two inputs: Confluent wire format, Avro, read field by field as Avro's own generated "custom coders" do. */
sealed interface Event permits Event.Touchpoint, Event.Feedback {
    long occurredAt();

    record Touchpoint(
            String eventId, String customerId, long occurredAt, String channel, String journey, String touchpoint,
            String action, int outcome, Long durationMs, Double amount, Map<String, String> attributes)
            implements Event {
        static Touchpoint read(byte[] value) {
            var in = new AvroIn(value, 1);
            var event = new Touchpoint(
                    in.string(), in.string(), in.number(), in.string(), in.string(), in.string(), in.string(),
                    (int) in.number(), in.number() == 0 ? null : (Long) in.number(),
                    in.number() == 0 ? null : (Double) in.real(), in.map());
            in.end();
            return event;
        }
    }

    record Feedback(
            String eventId, String customerId, long occurredAt, String journey, String touchpoint, int kind,
            double score, String text)
            implements Event {
        static Feedback read(byte[] value) {
            var in = new AvroIn(value, 2);
            var event = new Feedback(
                    in.string(), in.string(), in.number(), in.string(), in.string(), (int) in.number(), in.real(),
                    in.number() == 0 ? null : in.string());
            in.end();
            return event;
        }
    }
}

/** Avro's binary form, from a byte array. Throws for what is not the expected schema. */
final class AvroIn {
    private final byte[] bytes;
    private final ByteBuffer buffer;
    private int at = 5;

    AvroIn(byte[] bytes, int schemaId) {
        this.bytes = bytes;
        this.buffer = ByteBuffer.wrap(bytes).order(java.nio.ByteOrder.LITTLE_ENDIAN);
        if (bytes.length < 5 || bytes[0] != 0 || Integer.reverseBytes(buffer.getInt(1)) != schemaId) {
            throw new IllegalArgumentException("not this topic's schema");
        }
    }

    long number() {
        long value = 0;
        for (int shift = 0; shift < 70; shift += 7) {
            byte next = bytes[at++];
            value |= (next & 0x7fL) << shift;
            if (next >= 0) {
                return (value >>> 1) ^ -(value & 1);
            }
        }
        throw new IllegalArgumentException("a number has too many bytes");
    }

    double real() {
        at += 8;
        return buffer.getDouble(at - 8);
    }

    String string() {
        int length = (int) number();
        at += length;
        return new String(bytes, at - length, length, StandardCharsets.UTF_8);
    }

    Map<String, String> map() {
        var map = new HashMap<String, String>();
        for (long count = number(); count != 0; count = number()) {
            if (count < 0) {
                count = -count;
                number();
            }
            for (; count > 0; count--) {
                map.put(string(), string());
            }
        }
        return map;
    }

    void end() {
        if (at != bytes.length) {
            throw new IllegalArgumentException("bytes after the datum");
        }
    }
}

/** Avro's binary form, into a byte array that grows. */
final class AvroOut {
    private ByteBuffer buffer = ByteBuffer.allocate(256).order(java.nio.ByteOrder.LITTLE_ENDIAN);

    private void room(int size) {
        if (buffer.remaining() < size) {
            buffer = ByteBuffer.allocate(2 * buffer.capacity() + size).order(buffer.order()).put(buffer.flip());
        }
    }

    AvroOut header(int schemaId) {
        buffer.put((byte) 0).putInt(Integer.reverseBytes(schemaId));
        return this;
    }

    AvroOut number(long value) {
        room(10);
        long left = (value << 1) ^ (value >> 63);
        for (; (left & ~0x7fL) != 0; left >>>= 7) {
            buffer.put((byte) (left | 0x80));
        }
        buffer.put((byte) left);
        return this;
    }

    AvroOut real(double value) {
        room(8);
        buffer.putDouble(value);
        return this;
    }

    AvroOut string(String value) {
        byte[] text = value.getBytes(StandardCharsets.UTF_8);
        number(text.length);
        room(text.length);
        buffer.put(text);
        return this;
    }

    byte[] bytes() {
        byte[] done = new byte[buffer.position()];
        buffer.flip().get(done);
        return done;
    }
}
