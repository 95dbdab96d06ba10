# Connections and endpoints: everything of QUIC together.
find_package(nlohmann_json REQUIRED)

add_library(mqvpn_quic STATIC
  address_token.cc
  connection.cc
  connection_close.cc
  connection_crypto.cc
  connection_multipath.cc
  connection_paths.cc
  connection_receive.cc
  connection_send.cc
  connection_silence.cc
  connection_timers.cc
  endpoint.cc
  local_ids.cc
  packet_keys.cc
  qlog.cc
  random.cc
  received_packets.cc
  remote_ids.cc
)
target_link_libraries(mqvpn_quic PUBLIC mqvpn_quic_codec mqvpn_quic_streams mqvpn_quic_recovery mqvpn_tls)

mqvpn_add_test(quic_test
  SOURCES ../test/quic_test_main.cc ../test/quic_connection_test.cc ../test/quic_hostile_test.cc ../test/quic_multipath_test.cc ../test/quic_paths_test.cc ../test/quic_qlog_test.cc ../test/quic_random_test.cc ../test/quic_silence_test.cc ../test/quic_sim.cc ../test/tls_support.cc
  LIBRARIES mqvpn_quic nlohmann_json::nlohmann_json ${GNUTLS_LIBRARY})
mqvpn_add_fuzzer(quic_connection_fuzz
  SOURCES ../test/quic_connection_fuzz.cc ../test/quic_sim.cc ../test/tls_support.cc
  LIBRARIES mqvpn_quic ${GNUTLS_LIBRARY})
if(MQVPN_TESTS AND NOT MQVPN_SANITIZE)
  # Not a test: what a packet costs. Build it without sanitizers and run it by hand.
  add_executable(quic_bench ../test/quic_bench.cc ../test/quic_sim.cc ../test/tls_support.cc)
  target_link_libraries(quic_bench PRIVATE mqvpn_options mqvpn_quic ${GNUTLS_LIBRARY})
endif()
