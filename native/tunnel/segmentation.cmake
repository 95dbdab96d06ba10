# Between TUN packets of up to 64 KiB and the packets on the wire.
add_library(mqvpn_tunnel_segmentation STATIC
  coalesce.cc
  segment.cc
  segment_checksum.cc
  segment_packet.cc
)
target_link_libraries(mqvpn_tunnel_segmentation PUBLIC mqvpn_options)

mqvpn_add_test(tunnel_segmentation_test
  SOURCES ../test/tunnel_segmentation_test_main.cc ../test/tunnel_checksum_test.cc
          ../test/tunnel_coalesce_test.cc ../test/tunnel_segment_test.cc
  LIBRARIES mqvpn_tunnel_segmentation)
mqvpn_add_fuzzer(segment_fuzz SOURCES ../test/segment_fuzz.cc LIBRARIES mqvpn_tunnel_segmentation)
