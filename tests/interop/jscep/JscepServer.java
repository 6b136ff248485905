import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.math.BigInteger;
import java.net.InetSocketAddress;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PrivateKey;
import java.security.cert.X509CRL;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.Date;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.bouncycastle.asn1.pkcs.PKCSObjectIdentifiers;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.KeyUsage;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.bouncycastle.cert.X509v3CertificateBuilder;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.bouncycastle.pkcs.PKCS10CertificationRequest;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.servlet.ServletContextHandler;
import org.eclipse.jetty.servlet.ServletHolder;
import org.jscep.server.ScepServlet;
import org.jscep.transaction.FailInfo;
import org.jscep.transaction.OperationFailureException;
import org.jscep.transaction.TransactionId;
import org.jscep.transport.response.Capability;

/**
 * CAs on jscep's servlet: the protocol is jscep's, the CA behind it ours. One RA signs and receives.
 *
 * <p>Each line of stdin makes a CA, and its URL answers: the challenge password, how many requests of a client
 * are answered PENDING before there is a decision, and "refuse" when that is no. A renewal, which is a PKCSReq
 * that a certificate of ours signs, is granted at once and lives a year; a first certificate lives a day.
 */
public final class JscepServer extends ScepServlet {
    private static final X500Name CA_NAME = new X500Name("CN=jscep CA,O=scep-lab");
    private static final X500Name RA_NAME = new X500Name("CN=jscep RA,O=scep-lab");

    /** A request that somebody has to decide about, and how often its client was told so. */
    private static final class Waiting {
        private final PKCS10CertificationRequest csr;
        private int told;

        private Waiting(PKCS10CertificationRequest csr) {
            this.csr = csr;
        }
    }

    private final String password;
    private final int pending;
    private final boolean refuses;
    private final KeyPair caKeys = keys();
    private final KeyPair raKeys = keys();
    private final X509Certificate ca;
    private final X509Certificate ra;
    private final Map<String, Waiting> waiting = new HashMap<>();
    private long lastSerialNumber;

    private JscepServer(String password, int pending, boolean refuses) throws Exception {
        this.password = password;
        this.pending = pending;
        this.refuses = refuses;
        var usage = KeyUsage.digitalSignature | KeyUsage.keyEncipherment;
        ca = certificate(CA_NAME, caKeys.getPublic().getEncoded(), 3650, KeyUsage.keyCertSign, true);
        ra = certificate(RA_NAME, raKeys.getPublic().getEncoded(), 3650, usage, false);
    }

    public static void main(String[] arguments) throws Exception {
        var server = new Server(new InetSocketAddress("127.0.0.1", 0));
        var context = new ServletContextHandler();
        server.setHandler(context);
        server.start();
        var port = ((ServerConnector) server.getConnectors()[0]).getLocalPort();
        var lines = new BufferedReader(new InputStreamReader(System.in));
        var number = 0;
        for (var line = lines.readLine(); line != null; line = lines.readLine()) {
            var words = line.split(" ");
            var ca = new JscepServer(words[0], Integer.parseInt(words[1]), words.length > 2);
            var path = "/scep/" + ++number;
            context.addServlet(new ServletHolder(ca), path + "/*");
            System.out.println("http://127.0.0.1:" + port + path);
        }
        server.stop();
    }

    private static KeyPair keys() throws Exception {
        var generator = KeyPairGenerator.getInstance("RSA");
        generator.initialize(2048);
        return generator.generateKeyPair();
    }

    private X509Certificate certificate(X500Name subject, byte[] key, int days, int usage, boolean isCa)
            throws Exception {
        var now = System.currentTimeMillis();
        var builder = new X509v3CertificateBuilder(
                CA_NAME,
                BigInteger.valueOf(++lastSerialNumber),
                new Date(now - Duration.ofMinutes(1).toMillis()),
                new Date(now + Duration.ofDays(days).toMillis()),
                subject,
                SubjectPublicKeyInfo.getInstance(key));
        builder.addExtension(Extension.basicConstraints, true, new BasicConstraints(isCa));
        builder.addExtension(Extension.keyUsage, true, new KeyUsage(usage));
        var signer = new JcaContentSignerBuilder("SHA256withRSA").build(caKeys.getPrivate());
        return new JcaX509CertificateConverter().getCertificate(builder.build(signer));
    }

    private List<X509Certificate> issue(PKCS10CertificationRequest csr, int days) throws Exception {
        var usage = KeyUsage.digitalSignature | KeyUsage.keyEncipherment;
        var key = csr.getSubjectPublicKeyInfo().getEncoded();
        return List.of(certificate(csr.getSubject(), key, days, usage, false));
    }

    @Override
    protected Set<Capability> doCapabilities(String identifier) {
        return EnumSet.of(
                Capability.POST_PKI_OPERATION,
                Capability.RENEWAL,
                Capability.SHA_1,
                Capability.SHA_256,
                Capability.TRIPLE_DES);
    }

    @Override
    protected List<X509Certificate> doGetCaCertificate(String identifier) {
        return List.of(ra, ca);
    }

    @Override
    protected List<X509Certificate> doEnrol(
            PKCS10CertificationRequest csr, X509Certificate sender, TransactionId id) throws Exception {
        if (sender.getIssuerX500Principal().equals(ca.getSubjectX500Principal())) {
            sender.verify(ca.getPublicKey());
            return issue(csr, 365);
        }
        var told = csr.getAttributes(PKCSObjectIdentifiers.pkcs_9_at_challengePassword);
        if (told.length != 1 || !told[0].getAttrValues().getObjectAt(0).toString().equals(password)) {
            throw new OperationFailureException(FailInfo.badMessageCheck);
        }
        waiting.put(id.toString(), new Waiting(csr));
        return decide(id);
    }

    @Override
    protected List<X509Certificate> doGetCertInitial(X500Name issuer, X500Name subject, TransactionId id)
            throws Exception {
        var request = waiting.get(id.toString());
        if (request == null || !issuer.equals(CA_NAME) || !subject.equals(request.csr.getSubject())) {
            throw new OperationFailureException(FailInfo.badCertId);
        }
        return decide(id);
    }

    /** An empty list is PENDING. */
    private List<X509Certificate> decide(TransactionId id) throws Exception {
        var request = waiting.get(id.toString());
        if (request.told < pending) {
            request.told++;
            return List.of();
        }
        waiting.remove(id.toString());
        if (refuses) {
            throw new OperationFailureException(FailInfo.badRequest);
        }
        return issue(request.csr, 1);
    }

    @Override
    protected List<X509Certificate> getNextCaCertificate(String identifier) {
        return List.of();
    }

    @Override
    protected List<X509Certificate> doGetCert(X500Name issuer, BigInteger serialNumber) throws Exception {
        throw new OperationFailureException(FailInfo.badCertId);
    }

    @Override
    protected X509CRL doGetCrl(X500Name issuer, BigInteger serialNumber) throws Exception {
        throw new OperationFailureException(FailInfo.badCertId);
    }

    @Override
    protected PrivateKey getRecipientKey() {
        return raKeys.getPrivate();
    }

    @Override
    protected X509Certificate getRecipient() {
        return ra;
    }

    @Override
    protected PrivateKey getSignerKey() {
        return raKeys.getPrivate();
    }

    @Override
    protected X509Certificate getSigner() {
        return ra;
    }

    @Override
    protected X509Certificate[] getSignerCertificateChain() {
        return new X509Certificate[] {ra};
    }
}
