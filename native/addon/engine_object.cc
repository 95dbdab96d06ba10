#include "addon/engine_object.h"

#include <cstring>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "addon/config.h"
#include "addon/json.h"
#include "tunnel/shell.h"
#include "tunnel/shell_device.h"

namespace mqvpn::addon {

namespace {

using tunnel::Event;
using tunnel::Shell;

/// "EADDRINUSE".
std::string codeOf(const std::exception& error) {
  const auto* system = dynamic_cast<const std::system_error*>(&error);
  const char* name = system != nullptr ? strerrorname_np(system->code().value()) : nullptr;
  return name != nullptr ? name : "EINVAL";
}

Napi::Error toError(Napi::Env env, const std::string& message, const std::string& code) {
  Napi::Error error = Napi::Error::New(env, message);
  error.Set("code", Napi::String::New(env, code));
  return error;
}

/// One engine, as JavaScript holds it. Calls into JavaScript pass through one thread-safe function, in their
/// order; it keeps the process alive until stop().
class EngineObject final : public Napi::ObjectWrap<EngineObject> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(
        env, "Engine",
        {InstanceMethod<&EngineObject::status>("status"), InstanceMethod<&EngineObject::command>("command"),
         InstanceMethod<&EngineObject::stop>("stop"), InstanceMethod<&EngineObject::release>("release")});
  }

  /// (role, config, onEvent, engine whose device is taken over); from start() alone.
  explicit EngineObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<EngineObject>(info) {
    const Napi::Env env = info.Env();
    const bool server = info[0].As<Napi::Boolean>();
    const std::string config = info[1].As<Napi::String>();
    toJs_ = Napi::ThreadSafeFunction::New(env, info[2].As<Napi::Function>(), "mqvpn engine", 0, 1);
    try {
      level_ = parseLogLevel(config);
      auto onEvent = [this](const Event& event, const std::string& tunName) { forward(event, tunName); };
      shell_ = server ? Shell::server(parseServerConfig(config), onEvent)
                      : Shell::client(parseClientConfig(config), onEvent, keptBy(info[3]));
    } catch (const std::exception& error) {
      toJs_.Release();
      throw toError(env, error.what(), codeOf(error));
    }
    // Held until it has stopped, whatever JavaScript forgets meanwhile.
    Ref();
    napi_add_env_cleanup_hook(env, &EngineObject::onExit, this);
    hooked_ = true;
  }
  ~EngineObject() override {
    if (hooked_) napi_remove_env_cleanup_hook(Env(), &EngineObject::onExit, this);
  }

 private:
  /// The environment ends (process.exit, a worker's end): the thread ends before what it calls is gone.
  static void onExit(void* self) {
    auto* engine = static_cast<EngineObject*>(self);
    engine->hooked_ = false;
    engine->shell_.reset();
  }

  // --- on the engine's thread

  /// Runs `action(env)` on the JavaScript thread.
  template <typename Action>
  void onJsThread(Action action) {
    auto* held = new Action(std::move(action));
    const napi_status queued =
        toJs_.NonBlockingCall(held, [](Napi::Env env, Napi::Function function, Action* one) {
          const std::unique_ptr<Action> owned(one);
          if (env != nullptr) (*owned)(env, function);
        });
    // The environment is about to end.
    if (queued != napi_ok) delete held;
  }

  void forward(const Event& event, const std::string& tunName) {
    const auto* log = std::get_if<tunnel::LogEvent>(&event);
    if (log != nullptr && log->level < level_) return;
    // The first may come before the constructor is done: nothing that it still sets is touched here.
    std::string text = eventJson(event, tunName);
    if (text.empty()) return;
    onJsThread([text = std::move(text)](Napi::Env env, Napi::Function function) {
      function.Call({Napi::String::New(env, text)});
    });
  }

  // --- on the JavaScript thread

  using Deferred = std::shared_ptr<Napi::Promise::Deferred>;

  static void reject(const Deferred& deferred) {
    deferred->Reject(toError(deferred->Env(), "the engine has stopped", "ESHUTDOWN").Value());
  }

  Napi::Value status(const Napi::CallbackInfo& info) {
    const auto deferred = std::make_shared<Napi::Promise::Deferred>(info.Env());
    const bool posted = shell_ && shell_->status([this, deferred](tunnel::ShellStatus status) {
      onJsThread([deferred, status = std::move(status)](Napi::Env env, Napi::Function) {
        deferred->Resolve(Napi::String::New(env, statusJson(status)));
      });
    });
    if (!posted) reject(deferred);
    return deferred->Promise();
  }

  /// {"ok":true,…} or {"ok":false,"error":…}
  static void answer(const Deferred& deferred, const std::string& error, nlohmann::json reply = {}) {
    if (!error.empty()) reply = {{"error", error}};
    reply["ok"] = error.empty();
    deferred->Resolve(Napi::String::New(
        deferred->Env(), reply.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)));
  }

  Napi::Value command(const Napi::CallbackInfo& info) {
    const auto deferred = std::make_shared<Napi::Promise::Deferred>(info.Env());
    const std::string text = info[0].IsString() ? std::string(info[0].As<Napi::String>()) : std::string();
    const nlohmann::json request = nlohmann::json::parse(text, nullptr, false);
    const std::string name = request.is_object() && request.contains("cmd") && request["cmd"].is_string()
                                 ? request["cmd"].get<std::string>()
                                 : std::string();
    if (name == "disconnect") {
      disconnect(request, deferred);
    } else if (name == "set-users") {
      setUsers(text, deferred);
    } else if (name == "set-certificate") {
      setCertificate(request, deferred);
    } else {
      answer(deferred, name.empty() ? "the request has no cmd" : "unknown command " + name);
    }
    return deferred->Promise();
  }

  void disconnect(const nlohmann::json& request, const Deferred& deferred) {
    if (!request.contains("id") || !request["id"].is_number_unsigned())
      return answer(deferred, "disconnect needs the id of a client");
    const bool posted =
        shell_ && shell_->disconnect(request["id"].get<std::uint64_t>(), [this, deferred](bool found) {
          onJsThread([deferred, found](Napi::Env, Napi::Function) {
            answer(deferred, found ? "" : "there is no such client");
          });
        });
    if (!posted) reject(deferred);
  }

  /// All users, as in the configuration of a server.
  void setUsers(const std::string& request, const Deferred& deferred) {
    std::vector<tunnel::User> users;
    try {
      users = parseUsers(request);
    } catch (const std::invalid_argument& error) {
      return answer(deferred, error.what());
    }
    const bool posted =
        shell_ && shell_->setUsers(std::move(users), [this, deferred](std::string error, std::size_t cut) {
          onJsThread([deferred, error = std::move(error), cut](Napi::Env, Napi::Function) {
            answer(deferred, error, {{"cut", cut}});
          });
        });
    if (!posted) reject(deferred);
  }

  void setCertificate(const nlohmann::json& request, const Deferred& deferred) {
    tls::ServerConfig config;
    for (const auto& [key, file] :
         {std::pair("certFile", &config.certificateFile), std::pair("keyFile", &config.keyFile)}) {
      if (!request.contains(key) || !request[key].is_string())
        return answer(deferred, std::string("set-certificate needs ") + key);
      *file = request[key].get<std::string>();
    }
    const bool posted =
        shell_ &&
        shell_->setCertificate(std::move(config), [this, deferred](std::string error, std::string pin) {
          onJsThread([deferred, error = std::move(error), pin = std::move(pin)](Napi::Env, Napi::Function) {
            answer(deferred, error, {{"pin", pin}});
          });
        });
    if (!posted) reject(deferred);
  }

  /// Of an engine that was stopped with `keep`; null: there is none.
  static std::shared_ptr<tunnel::ShellDevice> keptBy(const Napi::Value& engine) {
    if (!engine.IsObject()) return nullptr;
    EngineObject* before = Unwrap(engine.As<Napi::Object>());
    return before == nullptr ? nullptr : std::exchange(before->kept_, nullptr);
  }

  /// Gives up what stop() kept: device, addresses and routes go.
  void release(const Napi::CallbackInfo&) { kept_.reset(); }

  /// (keep): device, addresses and routes stay until they are taken over or released.
  Napi::Value stop(const Napi::CallbackInfo& info) {
    if (stopped_) return stopped_->Promise();
    const bool keep = info[0].IsBoolean() && info[0].As<Napi::Boolean>().Value();
    if (keep) kept_ = shell_->device();
    stopped_ = std::make_shared<Napi::Promise::Deferred>(info.Env());
    shell_->stop(keep, [this] { onJsThread([this](Napi::Env env, Napi::Function) { onStopped(env); }); });
    return stopped_->Promise();
  }

  void onStopped(Napi::Env env) {
    // Its thread is at its end.
    shell_.reset();
    if (std::exchange(hooked_, false)) napi_remove_env_cleanup_hook(env, &EngineObject::onExit, this);
    toJs_.Release();
    stopped_->Resolve(env.Undefined());
    Unref();
  }

  Napi::ThreadSafeFunction toJs_;
  tunnel::LogLevel level_ = tunnel::LogLevel::kInfo;
  std::unique_ptr<Shell> shell_;
  std::shared_ptr<tunnel::ShellDevice> kept_;
  Deferred stopped_;
  bool hooked_ = false;
};

Napi::Value start(const Napi::CallbackInfo& info, bool server) {
  const Napi::Env env = info.Env();
  if (info.Length() < 2 || !info[0].IsString() || !info[1].IsFunction())
    throw toError(env, "expected (config: string, onEvent: function)", "EINVAL");
  const auto* constructor = static_cast<Napi::FunctionReference*>(info.Data());
  return constructor->New({Napi::Boolean::New(env, server), info[0], info[1], info[2]});
}

}  // namespace

void exportEngines(Napi::Env env, Napi::Object exports) {
  // Lives as long as the environment.
  auto* constructor = new Napi::FunctionReference(Napi::Persistent(EngineObject::define(env)));
  env.AddCleanupHook([](Napi::FunctionReference* one) { delete one; }, constructor);
  exports.Set("startServer", Napi::Function::New(
                                 env, [](const Napi::CallbackInfo& info) { return start(info, true); },
                                 "startServer", constructor));
  exports.Set("startClient", Napi::Function::New(
                                 env, [](const Napi::CallbackInfo& info) { return start(info, false); },
                                 "startClient", constructor));
}

}  // namespace mqvpn::addon
