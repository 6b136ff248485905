import java.io.ByteArrayOutputStream;
import java.io.FileInputStream;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Collection;
import java.util.List;
import org.bouncycastle.cert.jcajce.JcaCertStore;
import org.bouncycastle.cms.CMSSignedDataStreamGenerator;
import org.bouncycastle.cms.jcajce.JcaSimpleSignerInfoGeneratorBuilder;

/**
 * A bundle as Bouncy Castle streams it, in BER, to the standard output.
 *
 * Arguments: a PEM file of members, then perhaps a signer's certificate (PEM) and EC key (PKCS #8 in DER).
 */
public class BundleMaker {
    public static void main(String[] arguments) throws Exception {
        byte[] bag = bag(read(arguments[0]));
        if (arguments.length > 1) {
            X509Certificate signer = read(arguments[1]).iterator().next();
            byte[] octets = Files.readAllBytes(Path.of(arguments[2]));
            bag = sign(bag, signer, KeyFactory.getInstance("EC").generatePrivate(new PKCS8EncodedKeySpec(octets)));
        }
        System.out.write(bag);
        System.out.flush();
    }

    @SuppressWarnings("unchecked")
    private static Collection<X509Certificate> read(String file) throws Exception {
        try (InputStream in = new FileInputStream(file)) {
            return (Collection<X509Certificate>) CertificateFactory.getInstance("X.509").generateCertificates(in);
        }
    }

    private static byte[] bag(Collection<X509Certificate> members) throws Exception {
        CMSSignedDataStreamGenerator generator = new CMSSignedDataStreamGenerator();
        generator.addCertificates(new JcaCertStore(members));
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        generator.open(out, false).close();
        return out.toByteArray();
    }

    private static byte[] sign(byte[] content, X509Certificate signer, PrivateKey key) throws Exception {
        CMSSignedDataStreamGenerator generator = new CMSSignedDataStreamGenerator();
        generator.addSignerInfoGenerator(
            new JcaSimpleSignerInfoGeneratorBuilder().build("SHA256withECDSA", key, signer));
        generator.addCertificates(new JcaCertStore(List.of(signer)));
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (OutputStream into = generator.open(out, true)) {
            into.write(content);
        }
        return out.toByteArray();
    }
}
