import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Map;
import java.util.Properties;
import java.util.function.Function;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.AutoOffsetReset;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.processor.TimestampExtractor;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/**
 * Detection job v0 on Kafka Streams. Arguments are name=value: the job's own (messages, touchpoints, feedback, actions, store),
 * the rest goes to Kafka Streams as it is. Says when the first event is decoded and the last one handled; ends at SIGTERM.
 */
public final class Detection {
    private static final String STORE = "customers";
    private static final long HOUR_US = 3_600_000_000L;

    public static void main(String[] arguments) {
        var config = new Properties();
        for (String argument : arguments) {
            String[] parts = argument.split("=", 2);
            config.setProperty(parts[0], parts[1]);
        }
        long messages = Long.parseLong(take(config, "messages"));
        var streams = new KafkaStreams(topology(config, messages), config);
        streams.setUncaughtExceptionHandler(error -> {
            error.printStackTrace();
            return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
        });
        streams.setStateListener((now, before) -> {
            if (now == KafkaStreams.State.ERROR) {
                Runtime.getRuntime().halt(1);
            }
        });
        Runtime.getRuntime().addShutdownHook(new Thread(streams::close));
        streams.start();
    }

    private static String take(Properties config, String name) {
        return (String) config.remove(name);
    }

    private static Topology topology(Properties config, long messages) {
        var store = switch (take(config, "store")) {
            case "memory" -> Stores.inMemoryKeyValueStore(STORE);
            default -> Stores.persistentKeyValueStore(STORE);
        };
        TimestampExtractor eventTime = Detection::eventTime;
        return new Topology()
                .addSource(AutoOffsetReset.earliest(), "touchpoints", eventTime, Serdes.ByteArray().deserializer(), reading(Event.Touchpoint::read), take(config, "touchpoints"))
                .addSource(AutoOffsetReset.earliest(), "feedback", eventTime, Serdes.ByteArray().deserializer(), reading(Event.Feedback::read), take(config, "feedback"))
                .addProcessor("rules", () -> new Rules(messages), "touchpoints", "feedback")
                .addStateStore(Stores.keyValueStoreBuilder(store, Serdes.ByteArray(), Customer.serde())
                        .withCachingEnabled()
                        .withLoggingEnabled(Map.of("message.timestamp.type", "LogAppendTime")), "rules")
                .addSink("actions", take(config, "actions"), Serdes.ByteArray().serializer(), Serdes.ByteArray().serializer(), "rules");
    }

    /** In µs, finer than the milliseconds of Kafka: the order of a touchpoint and the feedback half a millisecond later hangs on it. */
    private static long eventTime(ConsumerRecord<Object, Object> message, long newest) {
        return ((Event) message.value()).occurredAt();
    }

    private static boolean began;

    private static Deserializer<Event> reading(Function<byte[], Event> read) {
        return (topic, value) -> {
            if (!began) {
                began = true;
                say("first");
            }
            return read.apply(value);
        };
    }

    private static long handled; // by all tasks: they share the one thread

    private static void say(String what) {
        System.out.println(what + " " + System.currentTimeMillis() / 1000.0);
    }

    private static final class Rules implements Processor<byte[], Event, byte[], byte[]> {
        private static final int FAILURE = 1;
        private static final int ABANDONED = 2;
        private final long messages;
        private final MessageDigest digest = digest();
        private ProcessorContext<byte[], byte[]> context;
        private KeyValueStore<byte[], Customer> customers;

        Rules(long messages) {
            this.messages = messages;
        }

        @Override
        public void init(ProcessorContext<byte[], byte[]> context) {
            this.context = context;
            customers = context.getStateStore(STORE);
        }

        @Override
        public void process(Record<byte[], Event> message) {
            var customer = customers.get(message.key());
            if (customer == null) {
                customer = new Customer();
            }
            fold(message, customer);
            customers.put(message.key(), customer);
            if (++handled == messages) {
                say("last");
            }
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
