import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.streams.AutoOffsetReset;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.processor.TimestampExtractor;
import org.apache.kafka.streams.state.Stores;

/**
 * Runs detection job v0 on Kafka Streams. Arguments are name=value: the job's own (messages, touchpoints, feedback, actions, store),
 * the rest goes to Kafka Streams as it is. Says when the first event is decoded and the last one handled; ends at SIGTERM.
 */
final class Application<K, E, S, A> {
    private final Properties config = new Properties();
    private final Job<K, E, S, A> job;

    private Application(Job<K, E, S, A> job, String[] arguments) {
        this.job = job;
        for (String argument : arguments) {
            String[] parts = argument.split("=", 2);
            config.setProperty(parts[0], parts[1]);
        }
    }

    static <K, E, S, A> void run(Job<K, E, S, A> job, String[] arguments) {
        new Application<>(job, arguments).start();
    }

    private void start() {
        Progress.expect(Long.parseLong(take("messages")));
        var streams = new KafkaStreams(topology(), config);
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

    private String take(String name) {
        return (String) config.remove(name);
    }

    private Topology topology() {
        var store = switch (take("store")) {
            case "memory" -> Stores.inMemoryKeyValueStore(Job.CUSTOMERS);
            default -> Stores.persistentKeyValueStore(Job.CUSTOMERS);
        };
        TimestampExtractor eventTime = this::eventTime;
        var key = job.key();
        return new Topology()
                .addSource(AutoOffsetReset.earliest(), "touchpoints", eventTime, key.deserializer(), told(job.touchpoints()), take("touchpoints"))
                .addSource(AutoOffsetReset.earliest(), "feedback", eventTime, key.deserializer(), told(job.feedback()), take("feedback"))
                .addProcessor("rules", job::rules, "touchpoints", "feedback")
                .addStateStore(Stores.keyValueStoreBuilder(store, key, job.customer())
                        .withCachingEnabled()
                        .withLoggingEnabled(Map.of("message.timestamp.type", "LogAppendTime")), "rules")
                .addSink("actions", take("actions"), key.serializer(), job.action(), "rules");
    }

    /** In µs, finer than the milliseconds of Kafka: the order of a touchpoint and the feedback half a millisecond later hangs on it. */
    @SuppressWarnings("unchecked")
    private long eventTime(ConsumerRecord<Object, Object> message, long newest) {
        return job.occurredAt((E) message.value());
    }

    private static <E> Deserializer<E> told(Deserializer<E> reader) {
        return (topic, value) -> {
            Progress.decoding();
            return reader.deserialize(topic, value);
        };
    }
}
