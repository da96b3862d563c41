<?php
// The key is the base64 behind whsec_, decoded.
$key = base64_decode(preg_replace('/^whsec_/', '', getenv('WEBHOOK_SECRET')));

function is_verified(string $key, string $body): bool
{
    $id = $_SERVER['HTTP_WEBHOOK_ID'] ?? '';
    $timestamp = $_SERVER['HTTP_WEBHOOK_TIMESTAMP'] ?? '';
    if (!ctype_digit($timestamp) || abs(time() - (int) $timestamp) > 300) {
        return false; // old, repeated, or no number
    }

    $digest = hash_hmac('sha256', "$id.$timestamp.$body", $key, true);
    $expected = 'v1,' . base64_encode($digest);
    // While a secret is being rotated there are two signatures: one of them has to match.
    foreach (explode(' ', $_SERVER['HTTP_WEBHOOK_SIGNATURE'] ?? '') as $given) {
        if (hash_equals($expected, $given)) { // constant time
            return true;
        }
    }
    return false;
}

$body = file_get_contents('php://input'); // the raw bytes: what is signed
if (!is_verified($key, $body)) {
    http_response_code(400);
    exit;
}

// Deliveries come at least once; a repeated one has the same webhook-id. "x" makes a file only if
// there is none yet. In production: a table with a unique key, or Redis.
$seen = sys_get_temp_dir() . '/webhook-' . hash('sha256', $_SERVER['HTTP_WEBHOOK_ID']);
if (@fopen($seen, 'x') !== false) {
    $event = json_decode($body, true);
    error_log('handling ' . $event['event']);
}
http_response_code(204); // answer at once, do slow work later
