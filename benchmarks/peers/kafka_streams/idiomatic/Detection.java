import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.Serializer;
import org.apache.kafka.streams.processor.api.Processor;

/** Detection job v0 as its users write it: generated Avro classes for events, state and actions, Avro's own reader and writer. */
public final class Detection implements Job<String, SpecificRecord, Customer, Action> {
    private static final int TOUCHPOINT_ID = 1;
    private static final int FEEDBACK_ID = 2;
    private static final int ACTION_ID = 3;
    private static final int CUSTOMER_ID = 4; // of this program alone

    public static void main(String[] arguments) {
        Application.run(new Detection(), arguments);
    }

    @Override
    public Serde<String> key() {
        return Serdes.String();
    }

    @Override
    public Deserializer<Touchpoint> touchpoints() {
        return new ConfluentAvro<>(Touchpoint.class, TOUCHPOINT_ID);
    }

    @Override
    public Deserializer<Feedback> feedback() {
        return new ConfluentAvro<>(Feedback.class, FEEDBACK_ID);
    }

    @Override
    public long occurredAt(SpecificRecord event) {
        return event instanceof Touchpoint touchpoint ? touchpoint.getOccurredAt() : ((Feedback) event).getOccurredAt();
    }

    @Override
    public Serde<Customer> customer() {
        return new ConfluentAvro<>(Customer.class, CUSTOMER_ID);
    }

    @Override
    public Serializer<Action> action() {
        return new ConfluentAvro<>(Action.class, ACTION_ID);
    }

    @Override
    public Processor<String, SpecificRecord, String, Action> rules() {
        return new Rules();
    }
}
