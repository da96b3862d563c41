require "json"
require "openssl"
require "set"

# A Rack application: mount it in Rails with `mount WebhookReceiver.new, at: "/webhook"`, in
# config.ru with `map("/webhook") { run WebhookReceiver.new }`.
class WebhookReceiver
  def initialize
    # The key is the base64 behind whsec_, decoded.
    @key = ENV.fetch("WEBHOOK_SECRET").delete_prefix("whsec_").unpack1("m0")
    @seen = Set.new # in production: a table with a unique key, or Redis
  end

  def call(env)
    body = env["rack.input"].read # the raw bytes: what is signed
    return [400, {}, []] unless verified?(env, body)

    # Deliveries come at least once; a repeated one has the same webhook-id.
    handle(JSON.parse(body)) if @seen.add?(env["HTTP_WEBHOOK_ID"])
    [204, {}, []] # answer at once, do slow work later
  end

  private

  def verified?(env, body)
    timestamp = env["HTTP_WEBHOOK_TIMESTAMP"].to_s
    return false if (Time.now.to_i - timestamp.to_i).abs > 300 # old, repeated, or no number

    mac = OpenSSL::HMAC.new(@key, "SHA256")
    mac << "#{env["HTTP_WEBHOOK_ID"]}.#{timestamp}." << body
    expected = "v1,#{[mac.digest].pack("m0")}"
    # While a secret is being rotated there are two signatures: one of them has to match.
    env["HTTP_WEBHOOK_SIGNATURE"].to_s.split.any? do |given|
      OpenSSL.secure_compare(given, expected) # constant time
    end
  end

  def handle(event)
    puts "handling #{event["event"]} #{event["data"]}"
    $stdout.flush
  end
end
