# Serves the Rack application in the file that is named, with nothing but Ruby's own library.
require "socket"
require "stringio"

require File.expand_path(ARGV.fetch(0))

app = WebhookReceiver.new
server = TCPServer.new("127.0.0.1", Integer(ENV.fetch("PORT")))
puts "Listening"
$stdout.flush
loop do
  client = server.accept
  client.gets
  env = {}
  while (line = client.gets("\r\n", chomp: true)) && !line.empty?
    name, value = line.split(":", 2)
    env["HTTP_#{name.upcase.tr("-", "_")}"] = value.strip
  end
  env["rack.input"] = StringIO.new(client.read(env["HTTP_CONTENT_LENGTH"].to_i))
  status, = app.call(env)
  client.write("HTTP/1.1 #{status} -\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
  client.close
end
