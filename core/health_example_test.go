package fluvio_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	fluvio "github.com/libfluvio/libfluvio/core"
	"github.com/libfluvio/libfluvio/core/devcluster"
)

// healthHandler answers with a client's health as JSON: status 200 while records flow somewhere, else 503.
func healthHandler(client *fluvio.Client) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), time.Second)
		defer cancel()
		health, err := client.Health(ctx)
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		if health.Verdict == fluvio.Down {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_ = json.NewEncoder(w).Encode(health)
	}
}

// A handler for http.ServeMux.
func ExampleClient_Health() {
	ctx := context.Background()
	cluster, err := devcluster.Start(ctx, devcluster.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer cluster.Close()
	client, err := fluvio.Connect(ctx, fluvio.ClientOptions{Endpoint: cluster.Endpoint(), MaxRetries: new(int)})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close(ctx)

	mux := http.NewServeMux()
	mux.Handle("GET /health", healthHandler(client))

	get := func() {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/health", nil))
		var body struct{ Verdict string }
		_ = json.Unmarshal(w.Body.Bytes(), &body)
		fmt.Println(w.Code, body.Verdict)
	}
	get()
	_ = cluster.StopSPU(5001)
	get()
	// Output:
	// 200 healthy
	// 503 down
}
