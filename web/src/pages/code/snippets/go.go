package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

var (
	key  []byte
	seen sync.Map // in production: a table with a unique key, or Redis
)

func isVerified(header http.Header, body []byte) bool {
	timestamp := header.Get("webhook-timestamp")
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil || time.Since(time.Unix(seconds, 0)).Abs() > 5*time.Minute {
		return false // old, repeated, or no number
	}

	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%s.", header.Get("webhook-id"), timestamp)
	mac.Write(body)
	expected := mac.Sum(nil)
	// While a secret is being rotated there are two signatures: one of them has to match.
	for _, signature := range strings.Fields(header.Get("webhook-signature")) {
		version, digest, _ := strings.Cut(signature, ",")
		given, err := base64.StdEncoding.DecodeString(digest)
		if err == nil && version == "v1" && hmac.Equal(given, expected) { // constant time
			return true
		}
	}
	return false
}

func receive(w http.ResponseWriter, r *http.Request) {
	// The raw bytes: what is signed.
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil || !isVerified(r.Header, body) {
		w.WriteHeader(http.StatusBadRequest)
		return
	}

	// Deliveries come at least once; a repeated one has the same webhook-id.
	if _, repeated := seen.LoadOrStore(r.Header.Get("webhook-id"), true); !repeated {
		handle(body)
	}
	w.WriteHeader(http.StatusNoContent) // answer at once, do slow work later
}

func handle(body []byte) {
	var event struct {
		Event string         `json:"event"`
		Data  map[string]any `json:"data"`
	}
	if err := json.Unmarshal(body, &event); err != nil {
		log.Print(err)
		return
	}
	fmt.Println("handling", event.Event, event.Data)
}

func main() {
	// The key is the base64 behind whsec_, decoded.
	secret := strings.TrimPrefix(os.Getenv("WEBHOOK_SECRET"), "whsec_")
	var err error
	if key, err = base64.StdEncoding.DecodeString(secret); err != nil {
		log.Fatal(err)
	}
	port := os.Getenv("PORT")
	if port == "" {
		port = "3000"
	}
	http.HandleFunc("/webhook", receive)
	listener, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("Listening on port", port)
	log.Fatal(http.Serve(listener, nil))
}
