# Streams and their flow control, and the ordered bytes of CRYPTO frames: no packets, no TLS.
add_library(mqvpn_quic_streams STATIC
  crypto_stream.cc
  flow_control.cc
  receive_buffer.cc
  receive_stream.cc
  send_buffer.cc
  send_stream.cc
  streams.cc
  streams_receive.cc
  streams_send.cc
)
target_link_libraries(mqvpn_quic_streams PUBLIC mqvpn_quic_codec)

mqvpn_add_test(quic_streams_test
  SOURCES ../test/quic_streams_test_main.cc ../test/quic_streams_buffer_test.cc
          ../test/quic_streams_flow_control_test.cc ../test/quic_streams_pair_test.cc
          ../test/quic_streams_receive_test.cc ../test/quic_streams_send_test.cc
  LIBRARIES mqvpn_quic_streams)
mqvpn_add_fuzzer(quic_streams_fuzz SOURCES ../test/quic_streams_fuzz.cc LIBRARIES mqvpn_quic_streams)
