import java.io.ByteArrayInputStream;
import java.security.cert.CertStore;
import java.security.cert.CertificateFactory;
import java.security.cert.LDAPCertStoreParameters;
import java.security.cert.X509CRL;
import java.security.cert.X509CRLSelector;
import java.security.cert.X509CertSelector;
import java.util.Hashtable;
import javax.naming.Context;
import javax.naming.NamingEnumeration;
import javax.naming.directory.Attributes;
import javax.naming.directory.DirContext;
import javax.naming.directory.InitialDirContext;
import javax.naming.directory.SearchControls;
import javax.naming.directory.SearchResult;
import javax.security.auth.x500.X500Principal;

/** Asks a directory for a CA's CRL as Java programs do: by JNDI, and by the certificate store "LDAP". */
class LdapClient {
    public static void main(String[] arguments) throws Exception {
        String host = arguments[0];
        int port = Integer.parseInt(arguments[1]);
        String name = arguments[2];
        X500Principal issuer = new X500Principal(name);

        Hashtable<String, String> environment = new Hashtable<>();
        environment.put(Context.INITIAL_CONTEXT_FACTORY, "com.sun.jndi.ldap.LdapCtxFactory");
        environment.put(Context.PROVIDER_URL, "ldap://" + host + ":" + port);
        DirContext context = new InitialDirContext(environment);
        Attributes found = context.getAttributes(name, new String[] {"certificateRevocationList;binary"});
        byte[] der = (byte[]) found.get("certificateRevocationList;binary").get();
        X509CRL crl = (X509CRL) CertificateFactory.getInstance("X.509")
            .generateCRL(new ByteArrayInputStream(der));
        System.out.println("jndi " + crl.getIssuerX500Principal().equals(issuer));

        SearchControls controls = new SearchControls();
        controls.setSearchScope(SearchControls.SUBTREE_SCOPE);
        NamingEnumeration<SearchResult> results = context.search("", "(objectClass=pkiCA)", controls);
        while (results.hasMore()) {
            System.out.println("search " + results.next().getNameInNamespace());
        }
        Attributes definition = context.getSchema("").getAttributes("AttributeDefinition/cACertificate");
        System.out.println("schema " + definition.get("NUMERICOID").get());
        context.close();

        CertStore store = CertStore.getInstance("LDAP", new LDAPCertStoreParameters(host, port));
        X509CRLSelector wanted = new X509CRLSelector();
        wanted.addIssuer(issuer);
        System.out.println("crls " + store.getCRLs(wanted).size());
        X509CertSelector subject = new X509CertSelector();
        subject.setSubject(issuer);
        subject.setBasicConstraints(0);
        System.out.println("certificates " + store.getCertificates(subject).size());
    }
}
