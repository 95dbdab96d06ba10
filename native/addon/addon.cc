// The binding. Its users, harness/native.ts and vpn/native.ts, have checked every argument.
#include <napi.h>

#include <system_error>

#include "addon/engine_object.h"
#include "addon/kernel_features.h"
#include "io/netlink.h"
#include "io/notify.h"
#include "tunnel/shell_policy_routes.h"

namespace mqvpn::addon {
namespace {

Napi::Value jsKernelFeatures(const Napi::CallbackInfo& info) {
  Napi::Object all = Napi::Object::New(info.Env());
  for (const auto& [name, feature] : kernelFeatures()) {
    Napi::Object one = Napi::Object::New(info.Env());
    one.Set("ok", feature.ok);
    one.Set("detail", feature.detail);
    all.Set(name, one);
  }
  return all;
}

// notify(socketPath, text)
void jsNotify(const Napi::CallbackInfo& info) {
  try {
    io::notify(info[0].As<Napi::String>().Utf8Value(), info[1].As<Napi::String>().Utf8Value());
  } catch (const std::system_error& error) {
    throw Napi::Error::New(info.Env(), error.what());
  }
}

// How many were removed.
Napi::Value jsRecoverRoutes(const Napi::CallbackInfo& info) {
  try {
    io::Netlink netlink;
    return Napi::Number::New(info.Env(), static_cast<double>(tunnel::PolicyRoutes::recover(netlink)));
  } catch (const std::system_error& error) {
    throw Napi::Error::New(info.Env(), error.what());
  }
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  exports.Set("kernelFeatures", Napi::Function::New(env, jsKernelFeatures, "kernelFeatures"));
  exports.Set("notify", Napi::Function::New(env, jsNotify, "notify"));
  exports.Set("recoverRoutes", Napi::Function::New(env, jsRecoverRoutes, "recoverRoutes"));
  exportEngines(env, exports);
  return exports;
}

}  // namespace
}  // namespace mqvpn::addon

static Napi::Object Init(Napi::Env env, Napi::Object exports) { return mqvpn::addon::init(env, exports); }
NODE_API_MODULE(mqvpn_native, Init)
