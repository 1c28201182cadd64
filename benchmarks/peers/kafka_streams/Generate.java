import java.io.File;
import java.io.IOException;
import java.util.Arrays;
import org.apache.avro.compiler.specific.SpecificCompiler;

/** Java classes of Avro schemas, as Avro's Maven plugin makes them with its defaults. Arguments: folder to write to, files in the order of use. */
final class Generate {
    public static void main(String[] arguments) throws IOException {
        File[] schemas = Arrays.stream(arguments).skip(1).map(File::new).toArray(File[]::new);
        SpecificCompiler.compileSchema(schemas, new File(arguments[0]));
    }
}
