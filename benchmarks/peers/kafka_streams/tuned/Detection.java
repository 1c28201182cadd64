import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.Serializer;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;

/** Detection job v0 with what a stream processor seldom gets: Avro read and written by hand, a history that rests as bytes. */
public final class Detection implements Job<byte[], Event, Customer, byte[]> {
    private static final long HOUR_US = 3_600_000_000L;

    public static void main(String[] arguments) {
        Application.run(new Detection(), arguments);
    }

    @Override
    public Serde<byte[]> key() {
        return Serdes.ByteArray();
    }

    @Override
    public Deserializer<Event> touchpoints() {
        return (topic, value) -> Event.Touchpoint.read(value);
    }

    @Override
    public Deserializer<Event> feedback() {
        return (topic, value) -> Event.Feedback.read(value);
    }

    @Override
    public long occurredAt(Event event) {
        return event.occurredAt();
    }

    @Override
    public Serde<Customer> customer() {
        return Customer.serde();
    }

    @Override
    public Serializer<byte[]> action() {
        return Serdes.ByteArray().serializer();
    }

    @Override
    public Processor<byte[], Event, byte[], byte[]> rules() {
        return new Rules();
    }

    private static final class Rules implements Processor<byte[], Event, byte[], byte[]> {
        private static final int FAILURE = 1;
        private static final int ABANDONED = 2;
        private final MessageDigest digest = digest();
        private ProcessorContext<byte[], byte[]> context;
        private KeyValueStore<byte[], Customer> customers;

        @Override
        public void init(ProcessorContext<byte[], byte[]> context) {
            this.context = context;
            customers = context.getStateStore(CUSTOMERS);
        }

        @Override
        public void process(Record<byte[], Event> message) {
            var customer = customers.get(message.key());
            if (customer == null) {
                customer = new Customer();
            }
            fold(message, customer);
            customers.put(message.key(), customer);
            Progress.handled();
        }

        private void fold(Record<byte[], Event> message, Customer customer) {
            long at = message.value().occurredAt();
            customer.friction *= Math.exp((customer.updatedAt - at) / (double) HOUR_US);
            customer.updatedAt = at;
            if (message.value() instanceof Event.Touchpoint touchpoint) {
                if (touchpoint.outcome() == FAILURE) {
                    customer.friction += 1.0;
                    customer.failures++;
                } else if (touchpoint.outcome() == ABANDONED) {
                    customer.friction += 0.5;
                }
                customer.contacts++;
                customer.add(touchpoint);
                if (customer.failures >= 3 && customer.friction > 1.5) {
                    fire(message, customer, 0);
                }
                if (touchpoint.outcome() == ABANDONED && customer.friction > 0.8) {
                    fire(message, customer, 1);
                }
            } else if (message.value() instanceof Event.Feedback feedback && feedback.score() <= 6 && customer.friction > 0.5) {
                fire(message, customer, 2);
            }
        }

        private void fire(Record<byte[], Event> message, Customer customer, int rule) {
            long at = customer.updatedAt;
            if (customer.fired[rule] != 0 && at - customer.fired[rule] < HOUR_US) {
                return;
            }
            customer.fired[rule] = at;
            String name = "R" + (rule + 1);
            String who = new String(message.key(), StandardCharsets.UTF_8);
            byte[] id = digest.digest((who + " " + at + " " + name).getBytes(StandardCharsets.UTF_8));
            var action = new AvroOut().header(3).string(HexFormat.of().formatHex(id)).string(name).string(who).number(at).real(customer.friction);
            String[] touches = customer.newest(3);
            if (touches.length > 0) {
                action.number(touches.length);
                for (String touch : touches) {
                    action.string(touch);
                }
            }
            context.forward(message.withValue(action.number(0).bytes()));
        }

        private static MessageDigest digest() {
            try {
                return MessageDigest.getInstance("MD5"); // an id, nothing secret
            } catch (NoSuchAlgorithmException error) {
                throw new IllegalStateException(error);
            }
        }
    }
}
