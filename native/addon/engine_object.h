#pragma once

#include <napi.h>

namespace mqvpn::addon {

/// Adds startServer() and startClient() to the addon's exports.
void exportEngines(Napi::Env env, Napi::Object exports);

}  // namespace mqvpn::addon
