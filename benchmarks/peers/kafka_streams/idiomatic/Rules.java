import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;

/** Folds an event into its customer's state, and forwards an action for each rule that fires. */
final class Rules implements Processor<String, SpecificRecord, String, Action> {
    private static final long HOUR_US = 3_600_000_000L;
    private static final int HISTORY = 16;

    private ProcessorContext<String, Action> context;
    private KeyValueStore<String, Customer> customers;

    @Override
    public void init(ProcessorContext<String, Action> context) {
        this.context = context;
        customers = context.getStateStore(Job.CUSTOMERS);
    }

    @Override
    public void process(Record<String, SpecificRecord> message) {
        var customer = customers.get(message.key());
        if (customer == null) {
            customer = Customer.newBuilder().build();
        }
        if (message.value() instanceof Touchpoint touchpoint) {
            fold(message, touchpoint, customer);
        } else if (message.value() instanceof Feedback feedback) {
            fold(message, feedback, customer);
        }
        customers.put(message.key(), customer);
        Progress.handled();
    }

    private void fold(Record<String, ?> message, Touchpoint event, Customer customer) {
        long at = event.getOccurredAt();
        fade(customer, at);
        if (event.getOutcome() == Outcome.failure) {
            customer.setFriction(customer.getFriction() + 1.0);
            customer.setFailures(customer.getFailures() + 1);
        } else if (event.getOutcome() == Outcome.abandoned) {
            customer.setFriction(customer.getFriction() + 0.5);
        }
        customer.setContacts(customer.getContacts() + 1);
        remember(event, customer);
        if (customer.getFailures() >= 3 && customer.getFriction() > 1.5 && due(customer.getFiredR1(), at)) {
            customer.setFiredR1(at);
            act(message, customer, "R1");
        }
        if (event.getOutcome() == Outcome.abandoned && customer.getFriction() > 0.8 && due(customer.getFiredR2(), at)) {
            customer.setFiredR2(at);
            act(message, customer, "R2");
        }
    }

    private void fold(Record<String, ?> message, Feedback event, Customer customer) {
        long at = event.getOccurredAt();
        fade(customer, at);
        if (event.getScore() <= 6 && customer.getFriction() > 0.5 && due(customer.getFiredR3(), at)) {
            customer.setFiredR3(at);
            act(message, customer, "R3");
        }
    }

    private static void fade(Customer customer, long at) {
        customer.setFriction(customer.getFriction() * Math.exp((customer.getUpdatedAt() - at) / (double) HOUR_US));
        customer.setUpdatedAt(at);
    }

    private static boolean due(long firedAt, long at) {
        return firedAt == 0 || at - firedAt >= HOUR_US;
    }

    private static void remember(Touchpoint event, Customer customer) {
        List<Touch> touches = customer.getTouches();
        if (touches.size() == HISTORY) {
            touches.remove(0);
        }
        touches.add(new Touch(
                event.getEventId(), event.getOccurredAt(), event.getChannel(), event.getJourney(), event.getTouchpoint(),
                event.getOutcome(), event.getDurationMs()));
    }

    private void act(Record<String, ?> message, Customer customer, String rule) {
        String who = message.key();
        long at = customer.getUpdatedAt();
        List<Touch> touches = customer.getTouches();
        List<CharSequence> newest = new ArrayList<>(3);
        for (var touch : touches.subList(Math.max(0, touches.size() - 3), touches.size())) {
            newest.add(touch.getEventId());
        }
        String id = UUID.nameUUIDFromBytes((who + " " + at + " " + rule).getBytes(StandardCharsets.UTF_8)).toString();
        context.forward(message.withValue(new Action(id, rule, who, at, customer.getFriction(), newest)));
    }
}
