import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.time.Instant;
import java.util.Base64;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

public class Receiver {
    // The key is the base64 behind whsec_, decoded.
    static final SecretKeySpec KEY = new SecretKeySpec(
            Base64.getDecoder().decode(System.getenv("WEBHOOK_SECRET").replaceFirst("^whsec_", "")),
            "HmacSHA256");
    // In production: a table with a unique key, or Redis.
    static final Set<String> SEEN = ConcurrentHashMap.newKeySet();

    static boolean isVerified(String id, String timestamp, String signatures, byte[] body)
            throws GeneralSecurityException {
        if (id == null || timestamp == null || signatures == null) return false;
        if (!timestamp.matches("\\d{1,12}")) return false;
        long age = Instant.now().getEpochSecond() - Long.parseLong(timestamp);
        if (Math.abs(age) > 300) return false; // old or repeated

        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(KEY);
        mac.update((id + "." + timestamp + ".").getBytes());
        byte[] digest = mac.doFinal(body);
        byte[] expected = ("v1," + Base64.getEncoder().encodeToString(digest)).getBytes();
        // While a secret is being rotated there are two signatures: one of them has to match.
        for (String given : signatures.split(" ")) {
            if (MessageDigest.isEqual(given.getBytes(), expected)) return true; // constant time
        }
        return false;
    }

    static void receive(HttpExchange exchange) throws IOException {
        byte[] body = exchange.getRequestBody().readAllBytes(); // the raw bytes: what is signed
        var headers = exchange.getRequestHeaders();
        String id = headers.getFirst("webhook-id");
        int status = 400;
        try {
            if (isVerified(id, headers.getFirst("webhook-timestamp"),
                    headers.getFirst("webhook-signature"), body)) {
                // Deliveries come at least once; a repeated one has the same webhook-id.
                if (SEEN.add(id)) handle(new String(body));
                status = 204; // answer at once, do slow work later
            }
        } catch (GeneralSecurityException error) {
            status = 500;
        }
        exchange.sendResponseHeaders(status, -1);
        exchange.close();
    }

    static void handle(String event) {
        System.out.println("handling " + event);
    }

    public static void main(String[] args) throws IOException {
        int port = Integer.parseInt(System.getenv().getOrDefault("PORT", "3000"));
        var address = new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
        HttpServer server = HttpServer.create(address, 0);
        server.createContext("/webhook", Receiver::receive);
        server.start();
        System.out.println("Listening on port " + server.getAddress().getPort());
    }
}
