import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;
import org.apache.avro.specific.SpecificData;
import org.apache.avro.specific.SpecificDatumReader;
import org.apache.avro.specific.SpecificDatumWriter;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.common.errors.SerializationException;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serializer;

/** Confluent wire format of a generated class: a zero, the schema's id in four bytes, the datum. For one thread, whose buffers it keeps. */
final class ConfluentAvro<T extends SpecificRecord> implements Serde<T>, Serializer<T>, Deserializer<T> {
    private static final int HEADER_BYTES = 5;

    private final int schemaId;
    private final SpecificDatumReader<T> reader;
    private final SpecificDatumWriter<T> writer;
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private BinaryDecoder decoder;
    private BinaryEncoder encoder;

    ConfluentAvro(Class<T> type, int schemaId) {
        this.schemaId = schemaId;
        var schema = SpecificData.get().getSchema(type);
        reader = new SpecificDatumReader<>(schema, schema, SpecificData.getForClass(type));
        writer = new SpecificDatumWriter<>(schema, SpecificData.getForClass(type));
    }

    @Override
    public T deserialize(String topic, byte[] bytes) {
        if (bytes == null) {
            return null;
        }
        if (bytes.length < HEADER_BYTES || bytes[0] != 0 || ByteBuffer.wrap(bytes).getInt(1) != schemaId) {
            throw new SerializationException("not the schema of " + topic);
        }
        try {
            decoder = DecoderFactory.get().binaryDecoder(bytes, HEADER_BYTES, bytes.length - HEADER_BYTES, decoder);
            T datum = reader.read(null, decoder);
            if (!decoder.isEnd()) {
                throw new SerializationException("bytes after the datum in " + topic);
            }
            return datum;
        } catch (IOException error) {
            throw new SerializationException(error);
        }
    }

    @Override
    public byte[] serialize(String topic, T datum) {
        if (datum == null) {
            return null;
        }
        try {
            out.reset();
            out.write(0);
            out.write(ByteBuffer.allocate(4).putInt(schemaId).array());
            encoder = EncoderFactory.get().binaryEncoder(out, encoder);
            writer.write(datum, encoder);
            encoder.flush();
            return out.toByteArray();
        } catch (IOException error) {
            throw new SerializationException(error);
        }
    }

    @Override
    public void close() {}

    @Override
    public void configure(java.util.Map<String, ?> config, boolean isKey) {}

    @Override
    public Serializer<T> serializer() {
        return this;
    }

    @Override
    public Deserializer<T> deserializer() {
        return this;
    }
}
