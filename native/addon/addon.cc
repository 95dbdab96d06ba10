// The binding. harness/native.ts is its only user, and has checked every argument.
#include <napi.h>

#include <system_error>

#include "addon/file_lock.h"
#include "addon/kernel_features.h"

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

Napi::Value jsTryLock(const Napi::CallbackInfo& info) {
  try {
    const auto fd = tryLock(info[0].As<Napi::String>());
    return fd ? Napi::Value(Napi::Number::New(info.Env(), *fd)) : info.Env().Null();
  } catch (const std::system_error& error) {
    throw Napi::Error::New(info.Env(), error.what());
  }
}

void jsUnlock(const Napi::CallbackInfo& info) {
  try {
    unlock(info[0].As<Napi::Number>().Int32Value());
  } catch (const std::system_error& error) {
    throw Napi::Error::New(info.Env(), error.what());
  }
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  exports.Set("kernelFeatures", Napi::Function::New(env, jsKernelFeatures, "kernelFeatures"));
  exports.Set("tryLock", Napi::Function::New(env, jsTryLock, "tryLock"));
  exports.Set("unlock", Napi::Function::New(env, jsUnlock, "unlock"));
  return exports;
}

}  // namespace
}  // namespace mqvpn::addon

static Napi::Object Init(Napi::Env env, Napi::Object exports) { return mqvpn::addon::init(env, exports); }
NODE_API_MODULE(mqvpn_native, Init)
