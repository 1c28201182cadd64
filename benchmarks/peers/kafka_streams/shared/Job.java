import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serializer;
import org.apache.kafka.streams.processor.api.Processor;

/** What differs between the two programs: key, event, state of a customer, action as Java types, and how they become bytes. */
interface Job<K, E, S, A> {
    String CUSTOMERS = "customers"; // the state store

    Serde<K> key();

    Deserializer<? extends E> touchpoints();

    Deserializer<? extends E> feedback();

    /** In µs. */
    long occurredAt(E event);

    Serde<S> customer();

    Serializer<A> action();

    /** One for each task. */
    Processor<K, E, K, A> rules();
}
