# What waits between the TUN device and the connections. Needs nothing of QUIC but its units of time.
add_library(mqvpn_tunnel_queue STATIC
  codel.cc
  ecn_mark.cc
  fair_queue.cc
  flow_hash.cc
  fragment.cc
  packet_pool.cc
)
target_link_libraries(mqvpn_tunnel_queue PUBLIC mqvpn_tunnel_segmentation)

mqvpn_add_test(tunnel_queue_test
  SOURCES ../test/tunnel_test_main.cc ../test/tunnel_codel_test.cc ../test/tunnel_fair_queue_test.cc
          ../test/tunnel_flow_hash_test.cc ../test/tunnel_fragment_test.cc
          ../test/tunnel_packet_pool_test.cc ../test/tunnel_timer_heap_test.cc
  LIBRARIES mqvpn_tunnel_queue)

# Both ends of the VPN, without a system call.
add_library(mqvpn_tunnel STATIC
  client_attempt.cc
  client_engine.cc
  client_paths.cc
  explain.cc
  min_rtt.cc
  scheduler.cc
  server_client.cc
  sent_copies.cc
  twins.cc
  user_table.cc
  server_engine.cc
  status.cc
  tunnel.cc
  wlb.cc
  wlb_capacity.cc
)
target_link_libraries(mqvpn_tunnel PUBLIC mqvpn_tunnel_queue mqvpn_connect_ip mqvpn_http3 mqvpn_quic)

mqvpn_add_test(tunnel_test
  SOURCES ../test/tunnel_test_main.cc ../test/tunnel_sim.cc ../test/tunnel_sim_test.cc ../test/tunnel_paths_test.cc ../test/tunnel_many_test.cc
          ../test/tunnel_hostile_test.cc ../test/tunnel_explain_test.cc ../test/tunnel_copies_test.cc ../test/tunnel_scheduler_test.cc ../test/tunnel_scheduler_sim_test.cc
          ../test/tunnel_wlb_test.cc ../test/tunnel_users_test.cc
          ../test/tls_support.cc
  LIBRARIES mqvpn_tunnel)

# With sockets, devices and a thread.
find_package(Threads REQUIRED)
add_library(mqvpn_tunnel_shell STATIC
  shell_base.cc
  shell_client.cc
  shell_convert.cc
  shell_files.cc
  shell_links.cc
  shell_loop.cc
  shell_prefixes.cc
  shell_policy_routes.cc
  shell_network.cc
  shell_server.cc
  shell_sockets.cc
  shell_tun.cc
)
target_link_libraries(mqvpn_tunnel_shell PUBLIC mqvpn_tunnel mqvpn_io Threads::Threads)

mqvpn_add_test(tunnel_shell_test
  SOURCES ../test/io_net_test_main.cc ../test/tunnel_shell_test.cc ../test/tunnel_shell_files_test.cc ../test/tunnel_shell_links_test.cc
    ../test/tunnel_shell_policy_routes_test.cc
          ../test/tls_support.cc
  LIBRARIES mqvpn_tunnel_shell)
if(TARGET tunnel_shell_test)
  # Where no network namespace may be made.
  set_tests_properties(tunnel_shell_test PROPERTIES SKIP_RETURN_CODE 77)
endif()
