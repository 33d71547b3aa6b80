package wire

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAuthVectors(t *testing.T) {
	frames := computed(t, "computed-control.json")
	h, body, err := DecodeRequestHeader(unframe(t, "auth_request", frames["auth_request"]))
	require.NoError(t, err)
	require.Equal(t, RequestHeader{APIKey: KeyAuth, CorrelationID: 1, ClientID: "dummy"}, h)
	message[AuthRequest](AuthRequest{Principal: "root", Scopes: []string{"Root"}}, 0)(t, "auth_request", body)
	id, body, err := SplitResponse(unframe(t, "auth_response", frames["auth_response"]))
	require.NoError(t, err)
	require.Zero(t, id)
	message[AuthResponse](AuthResponse{Success: true}, 0)(t, "auth_response", body)
}
