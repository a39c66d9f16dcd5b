// go_proxy: a reverse proxy as Go's net/http/httputil makes it, for the bench to compare with.
//
// One line for each request on standard output, nothing buffered whole, upstream connections kept.
package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"os"
	"strings"
	"sync"
	"time"
)

// journal writes a line for each request; a batch goes out each second, or when it is full.
type journal struct {
	mutex sync.Mutex
	out   *bufio.Writer
}

func (j *journal) line(r *http.Request, status int, bytes int64, began time.Time) {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	fmt.Fprintf(j.out, "%s %s %s %s %d %d %s\n", began.Format(time.RFC3339Nano), r.RemoteAddr,
		r.Method, r.RequestURI, status, bytes, time.Since(began))
}

func (j *journal) flush() {
	for range time.Tick(time.Second) {
		j.mutex.Lock()
		j.out.Flush()
		j.mutex.Unlock()
	}
}

// counted is an answer whose status and bytes are remembered.
type counted struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (c *counted) WriteHeader(status int) {
	c.status = status
	c.ResponseWriter.WriteHeader(status)
}

func (c *counted) Write(bytes []byte) (int, error) {
	n, err := c.ResponseWriter.Write(bytes)
	c.bytes += int64(n)
	return n, err
}

func (c *counted) Unwrap() http.ResponseWriter { return c.ResponseWriter }
func (c *counted) Flush()                      { c.ResponseWriter.(http.Flusher).Flush() }
func (c *counted) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return c.ResponseWriter.(http.Hijacker).Hijack()
}

// buffers are kept: without them each answer would get 32 KiB of new memory.
type buffers struct{ sync.Pool }

func (b *buffers) Get() []byte      { return b.Pool.Get().([]byte) }
func (b *buffers) Put(bytes []byte) { b.Pool.Put(bytes) }

func director(r *http.Request) {
	r.URL.Scheme, r.URL.Host = "http", "origin"
	r.Header.Set("X-Forwarded-Host", r.Host)
	r.Header.Set("X-Forwarded-Proto", "http")
	if r.TLS != nil {
		r.Header.Set("X-Forwarded-Proto", "https")
	}
	id := make([]byte, 16)
	rand.Read(id)
	r.Header.Set("X-Request-Id", hex.EncodeToString(id))
}

func main() {
	listen := flag.String("listen", "", "address for HTTP")
	listenTLS := flag.String("listen-tls", "", "address for HTTPS")
	cert := flag.String("cert", "", "certificate")
	key := flag.String("key", "", "its key")
	upstream := flag.String("upstream", "", "tcp://HOST:PORT or unix:///path")
	flag.Parse()
	network, address, found := strings.Cut(*upstream, "://")
	if !found {
		log.Fatal("-upstream is needed")
	}

	dialer := net.Dialer{}
	proxy := &httputil.ReverseProxy{
		Director:      director,
		FlushInterval: -1,
		BufferPool:    &buffers{sync.Pool{New: func() any { return make([]byte, 32768) }}},
		Transport: &http.Transport{
			DialContext: func(c context.Context, _, _ string) (net.Conn, error) {
				return dialer.DialContext(c, network, address)
			},
			MaxIdleConns:        256,
			MaxIdleConnsPerHost: 256,
			DisableCompression:  true,
		},
	}
	out := &journal{out: bufio.NewWriterSize(os.Stdout, 65536)}
	go out.flush()
	server := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			began := time.Now()
			c := &counted{ResponseWriter: w, status: 200}
			proxy.ServeHTTP(c, r)
			out.line(r, c.status, c.bytes, began)
		}),
		TLSConfig:    &tls.Config{MaxVersion: tls.VersionTLS12},
		TLSNextProto: map[string]func(*http.Server, *tls.Conn, http.Handler){},
	}
	door, err := net.Listen("tcp", *listen)
	if err != nil {
		log.Fatal(err)
	}
	doorTLS, err := net.Listen("tcp", *listenTLS)
	if err != nil {
		log.Fatal(err)
	}
	go func() { log.Fatal(server.ServeTLS(doorTLS, *cert, *key)) }()
	log.Fatal(server.Serve(door))
}
