#pragma once

// The inside of ClientContext and ServerContext, for the sources of this folder.

#include <gnutls/gnutls.h>

#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include "tls/replay_filter.h"
#include "tls/session.h"

namespace mqvpn::tls {

template <typename Handle, void (*release)(Handle)>
struct Release {
  void operator()(Handle handle) const { release(handle); }
};
/// Owns what GnuTLS calls a gnutls_…_t.
template <typename Handle, void (*release)(Handle)>
using Owned = std::unique_ptr<std::remove_pointer_t<Handle>, Release<Handle, release>>;

using Credentials = Owned<gnutls_certificate_credentials_t, gnutls_certificate_free_credentials>;
using Priority = Owned<gnutls_priority_t, gnutls_priority_deinit>;
using AntiReplay = Owned<gnutls_anti_replay_t, gnutls_anti_replay_deinit>;

/// Both throw std::runtime_error.
Credentials makeCredentials();
Priority makePriority(const std::string& additions);

/// Its groups for key exchange, by their numbers of RFC 8446 §4.2.7.
std::vector<std::uint16_t> groupsOf(gnutls_priority_t priority);

/// The text of a PEM file. Throws std::runtime_error that names it.
std::string readPem(const std::string& file);

struct ClientContext::Impl {
  explicit Impl(ClientConfig clientConfig);

  ClientConfig config;
  Priority priority;
  Credentials credentials;
};

struct ServerContext::Impl {
  explicit Impl(ServerConfig serverConfig);
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl();

  bool earlyData() const { return config.earlyData && config.alpn.size() == 1; }

  ServerConfig config;
  Priority priority;
  /// The groups of `priority`, by their numbers of RFC 8446 §4.2.7.
  std::vector<std::uint16_t> groups;
  Credentials credentials;
  /// Sessions derive from it the key of the current period; it does not change itself.
  gnutls_datum_t ticketKey{};
  AntiReplay antiReplay;
  ReplayFilter replayFilter;
};

}  // namespace mqvpn::tls
