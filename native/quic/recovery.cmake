# What one path knows of its network: loss detection, RTT, congestion control, pacing, MTU and ECN.
add_library(mqvpn_quic_recovery STATIC
  bbr.cc
  bbr_states.cc
  black_hole.cc
  congestion.cc
  cubic.cc
  delivery_rate.cc
  ecn.cc
  loss_detection.cc
  mtu_discovery.cc
  pacer.cc
  path_sender.cc
  rtt.cc
  sent_packets.cc
  sent_ring.cc
)
target_link_libraries(mqvpn_quic_recovery PUBLIC mqvpn_quic_codec)

mqvpn_add_test(quic_recovery_test
  SOURCES ../test/quic_recovery_test_main.cc ../test/quic_recovery_bottleneck_test.cc
          ../test/quic_recovery_congestion_test.cc
          ../test/quic_recovery_delivery_rate_test.cc ../test/quic_recovery_ecn_test.cc
          ../test/quic_recovery_model_test.cc ../test/quic_recovery_mtu_test.cc
          ../test/quic_recovery_pacer_test.cc ../test/quic_recovery_rtt_test.cc
          ../test/quic_recovery_sent_packets_test.cc
  LIBRARIES mqvpn_quic_recovery)
