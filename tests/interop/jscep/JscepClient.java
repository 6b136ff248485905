import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.math.BigInteger;
import java.net.URI;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.MessageDigest;
import java.security.cert.CertStore;
import java.security.cert.X509CRL;
import java.security.cert.X509Certificate;
import java.util.Base64;
import java.util.Date;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;
import javax.security.auth.x500.X500Principal;
import org.bouncycastle.asn1.DERPrintableString;
import org.bouncycastle.asn1.pkcs.PKCSObjectIdentifiers;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.cert.jcajce.JcaX509v3CertificateBuilder;
import org.bouncycastle.operator.ContentSigner;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.bouncycastle.pkcs.PKCS10CertificationRequest;
import org.bouncycastle.pkcs.jcajce.JcaPKCS10CertificationRequestBuilder;
import org.jscep.client.Client;
import org.jscep.client.EnrollmentResponse;
import org.jscep.client.verification.CertificateVerifier;
import org.jscep.client.verification.MessageDigestCertificateVerifier;
import org.jscep.client.verification.OptimisticCertificateVerifier;
import org.jscep.transaction.TransactionId;

/**
 * jscep's client, driven by lines: a command and its words, separated by tabs; one such line answers.
 *
 * <p>One JVM serves all tests. Certificates and CRLs are answered as DER in base64; whatever jscep throws, as
 * EXCEPTION and the chain of its causes.
 */
public final class JscepClient {
    /** A device: its key, the certificate that it signs its messages with, and what it asks for. */
    private record Device(KeyPair keys, X509Certificate own, PKCS10CertificationRequest csr) {}

    private final Map<String, Device> devices = new HashMap<>();

    public static void main(String[] arguments) throws Exception {
        var client = new JscepClient();
        var lines = new BufferedReader(new InputStreamReader(System.in));
        for (var line = lines.readLine(); line != null; line = lines.readLine()) {
            System.out.println(client.answer(line.split("\t")));
        }
    }

    private String answer(String[] words) {
        try {
            return switch (words[0]) {
                case "capabilities" -> join("OK", at(words[1]).getCaCapabilities().toString());
                case "ca" -> certificates(at(words[1], words.length > 2 ? words[2] : null).getCaCertificate());
                case "next-ca" -> certificates(at(words[1]).getRolloverCertificate());
                case "device" -> device(words[1], words[2], words.length > 3 ? words[3] : null);
                case "enrol" -> enrol(at(words[1]), words[2]);
                case "renew" -> renew(at(words[1]), words[2]);
                case "poll" -> poll(at(words[1]), words[2], words[3]);
                case "certificate" -> certificate(at(words[1]), words[2], words[3]);
                case "crl" -> crl(at(words[1]), words[2], words[3], words[4]);
                default -> throw new IllegalArgumentException(words[0]);
            };
        } catch (Exception thrown) {
            var chain = new StringBuilder("EXCEPTION");
            for (Throwable each = thrown; each != null; each = each.getCause()) {
                chain.append('\t').append(each.toString().replaceAll("\\s+", " "));
            }
            return chain.toString();
        }
    }

    private static Client at(String url) throws Exception {
        return at(url, null);
    }

    /** A client that knows the MD5 of the CA's certificate, or trusts any. */
    private static Client at(String url, String md5) throws Exception {
        CertificateVerifier verifier = md5 == null
                ? new OptimisticCertificateVerifier()
                : new MessageDigestCertificateVerifier(
                        MessageDigest.getInstance("MD5"), HexFormat.of().parseHex(md5.toLowerCase()));
        return new Client(URI.create(url).toURL(), verifier);
    }

    /** A new device with a self-signed certificate. */
    private String device(String name, String subject, String password) throws Exception {
        var generator = KeyPairGenerator.getInstance("RSA");
        generator.initialize(2048);
        var keys = generator.generateKeyPair();
        var principal = new X500Principal(subject);
        var signer = signer(keys);
        var now = System.currentTimeMillis();
        var builder = new JcaX509v3CertificateBuilder(
                principal,
                BigInteger.ONE,
                new Date(now - 60_000),
                new Date(now + 86_400_000),
                principal,
                keys.getPublic());
        var own = new JcaX509CertificateConverter().getCertificate(builder.build(signer));
        devices.put(name, new Device(keys, own, request(principal, keys, signer, password)));
        return "OK";
    }

    private static ContentSigner signer(KeyPair keys) throws Exception {
        return new JcaContentSignerBuilder("SHA256withRSA").build(keys.getPrivate());
    }

    private static PKCS10CertificationRequest request(
            X500Principal subject, KeyPair keys, ContentSigner signer, String password) {
        var builder = new JcaPKCS10CertificationRequestBuilder(subject, keys.getPublic());
        if (password != null) {
            builder.addAttribute(
                    PKCSObjectIdentifiers.pkcs_9_at_challengePassword, new DERPrintableString(password));
        }
        return builder.build(signer);
    }

    private String enrol(Client client, String name) throws Exception {
        var device = devices.get(name);
        return enrolled(name, device, client.enrol(device.own, device.keys.getPrivate(), device.csr));
    }

    /** A certificate for a new key, asked for with the old certificate: jscep sends a PKCSReq. */
    private String renew(Client client, String name) throws Exception {
        var old = devices.get(name);
        var generator = KeyPairGenerator.getInstance("RSA");
        generator.initialize(2048);
        var keys = generator.generateKeyPair();
        var csr = request(old.own.getSubjectX500Principal(), keys, signer(keys), null);
        var answer = client.enrol(old.own, old.keys.getPrivate(), csr);
        return enrolled(name, new Device(keys, old.own, csr), answer);
    }

    private String poll(Client client, String name, String transaction) throws Exception {
        var device = devices.get(name);
        var subject = device.own.getSubjectX500Principal();
        var id = new TransactionId(transaction.getBytes("US-ASCII"));
        return enrolled(name, device, client.poll(device.own, device.keys.getPrivate(), subject, id));
    }

    /** What jscep makes of a CertRep; from SUCCESS on, the device signs with what it was given. */
    private String enrolled(String name, Device device, EnrollmentResponse answer) throws Exception {
        if (answer.isPending()) {
            return join("PENDING", answer.getTransactionId().toString());
        }
        if (answer.isFailure()) {
            return join("FAILURE", answer.getFailInfo().toString());
        }
        var found = answer.getCertStore().getCertificates(null);
        for (var each : found) {
            var certificate = (X509Certificate) each;
            if (certificate.getPublicKey().equals(device.keys.getPublic())) {
                devices.put(name, new Device(device.keys, certificate, device.csr));
            }
        }
        return certificates(answer.getCertStore());
    }

    private String certificate(Client client, String name, String serialNumber) throws Exception {
        var device = devices.get(name);
        var number = new BigInteger(serialNumber, 16);
        return certificates(client.getCertificate(device.own, device.keys.getPrivate(), number));
    }

    private String crl(Client client, String name, String issuer, String serialNumber) throws Exception {
        var device = devices.get(name);
        var number = new BigInteger(serialNumber, 16);
        X509CRL crl = client.getRevocationList(
                device.own, device.keys.getPrivate(), new X500Principal(issuer), number);
        return crl == null ? "OK" : join("OK", base64(crl.getEncoded()));
    }

    private static String certificates(CertStore store) throws Exception {
        var line = new StringBuilder("OK");
        for (var each : store.getCertificates(null)) {
            line.append('\t').append(base64(each.getEncoded()));
        }
        return line.toString();
    }

    private static String base64(byte[] der) {
        return Base64.getEncoder().encodeToString(der);
    }

    private static String join(String... words) {
        return String.join("\t", words);
    }
}
