#include "engine/dialects/ollama_remote/remote_watch.hpp"

#include <algorithm>
#include <fstream>
#include <functional>
#include <iterator>
#include <utility>

#include "corral/core/say.hpp"
#include "corral/telemetry/log.hpp"
#include "engine/dialects/ollama_remote/remote_protocol.hpp"

namespace corral::engine::ollama_remote {

namespace {

constexpr std::size_t longest_list = 512UL * 1024;  // read in one go, which holds the loop
constexpr std::size_t longest_key = 4096;
constexpr core::seconds between_looks{5};

// The first word of the file; empty: it can't be read or holds none. On the disk's thread.
std::string read_key(const std::string& file) {
    std::ifstream in(file);
    std::string text(longest_key, '\0');
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(in.gcount()));
    const auto first = text.find_first_not_of(" \t\r\n");
    if (first == std::string::npos) {
        return {};
    }
    return text.substr(first, text.find_first_of(" \t\r\n", first) - first);
}

bool may_be_in_a_header(const std::string& key) {
    for (const char c : key) {
        if (c <= ' ' || c > '~') {
            return false;
        }
    }
    return true;
}

core::reason refused(const remote_settings& server, const std::string& target, unsigned status) {
    const std::string url = server.at.text();
    if (status != 401 && status != 403) {
        return core::say("runtime.remote/status", url, target, status);
    }
    return server.key_file.empty()
               ? core::say("runtime.remote/wants-key", url, target, status)
               : core::say("runtime.remote/other-key", url, target, status, server.key_file);
}

}  // namespace

remote_watch::remote_watch(core::executor on, const core::clock_source& clock, core::disk_work* disk,
                           std::shared_ptr<core::disk_work> searches, remote_settings settings)
    : clock_(clock),
      disk_(disk),
      searches_(std::move(searches)),
      settings_(std::move(settings)),
      health_(health_rule{.outlier = outlier_rule{.ejects = settings_.has_others}}),
      changed_(on),
      bell_(on) {}

void remote_watch::begin() {
    wanted_ = true;
    health_.begin();
    tell();
    bell_.ring();
}

void remote_watch::end() {
    wanted_ = false;
    health_.end();
    tell();
    bell_.ring();
}

void remote_watch::close() {
    over_ = true;
    bell_.ring();
}

void remote_watch::served() {
    health_.served(clock_.now());
}

void remote_watch::failed(core::reason why, std::string_view request) {
    health_.failed(std::move(why), clock_.now(), request);
    tell();
    bell_.ring();
}

chat::failure remote_watch::missed(const core::reason& why) {
    health_.missed(why);
    tell();
    bell_.ring();
    chat::failure out;
    out.kind = chat::failure_kind::unavailable;
    out.message = core::say("request.remote-away/found", core::say("runtime.remote/failed", why, ""));
    out.retry_after = between_looks;
    out.retryable = true;
    return out;
}

void remote_watch::tell() {
    const availability after = now();
    if (after.state == logged_) {
        return;
    }
    logged_ = after.state;
    if (after.state == availability_state::broken) {
        telemetry::warn(after.reason, "{}: {}", settings_.label, telemetry::printable(after.reason, 500));
    } else if (after.state == availability_state::ready) {
        telemetry::log().info("{}: {} serves {}", settings_.label, settings_.at.text(), settings_.model);
    }
    changed_.ring();
}

core::awaitable<void> remote_watch::keep_asking(std::shared_ptr<remote_watch> self) {
    co_await core::asio::this_coro::throw_if_cancelled(false);
    core::steady_time next = self->clock_.now();
    while (!self->over_) {
        if (self->wanted_ && self->clock_.now() >= next) {
            const core::reason wrong = co_await self->look();
            self->health_.probed(wrong.empty(), wrong);
            next = self->clock_.now() + between_looks;
        }
        self->tell();
        core::deadline until;
        if (self->wanted_) {
            const core::steady_time now = self->clock_.now();
            const core::nanoseconds due = core::deadline(next).left(now);
            const core::nanoseconds pause = std::min(due, self->health_.pause(now));
            until = core::deadline::after(std::max<core::nanoseconds>(pause, core::milliseconds{10}), now);
        }
        if (self->over_) {
            co_return;
        }
        const core::wake_reason reason = co_await self->bell_.wait(until);
        if (reason == core::wake_reason::cancelled) {
            co_return;
        }
    }
}

// Empty: all is well. Else why not, a sentence without its end.
core::awaitable<core::reason> remote_watch::look() {
    const core::deadline until = core::deadline::after(settings_.call, clock_.now());
    const auto at = co_await reach(until);
    if (!at) {
        co_return at.error().message;
    }
    const auto version = co_await ask(*at, "/api/version", {}, until);
    if (!version) {
        co_return version.error().message;
    }
    const auto tags = co_await ask(*at, "/api/tags", {}, until);
    if (!tags) {
        co_return tags.error().message;
    }
    auto listed = model_listed(*tags, settings_.model);
    if (!listed) {
        co_return core::say("runtime.remote/no-list", settings_.at.text(), listed.error().message);
    }
    if (!*listed) {
        co_return core::say("runtime.remote/no-model", settings_.at.text(), settings_.model);
    }
    (*listed)->system = std::move(stated_.system);
    (*listed)->facts = std::move(stated_.facts);
    const bool changed = (*listed)->digest != stated_.digest || !shown_;
    stated_ = std::move(**listed);
    if (changed) {
        // Not worth a failure: without it a conversation with tools has none.
        const auto shown = co_await ask(*at, "/api/show", show_question(settings_.model), until);
        // One that is too long is so the next time, too.
        shown_ = shown || shown.error().code == core::errc::limit_exceeded;
        shown_answer says;
        if (shown) {
            says = read_shown(*shown);
        }
        stated_.system = std::move(says.system);
        stated_.facts = std::move(says.facts);
    }
    const auto loaded = co_await ask(*at, "/api/ps", {}, until);
    if (loaded) {
        stated_.accelerator_bytes = accelerator_share(*loaded, settings_.model).value_or(0);
    }
    co_return core::reason();
}

core::awaitable<core::result<std::string>> remote_watch::ask(boost::asio::ip::tcp::endpoint at,
                                                             std::string target, std::string body,
                                                             core::deadline until) {
    core::result<http::header_fields> headers = co_await key_headers(until);
    if (!headers) {
        co_return headers.error();
    }
    http::stream_call what;
    what.to = at;
    what.host = settings_.at.host_header();
    what.method = body.empty() ? "GET" : "POST";
    what.body = std::move(body);
    what.target = target;
    what.headers = std::move(*headers);
    what.until = until;
    auto opened = co_await http::reply_stream::open(std::move(what));
    if (!opened) {
        co_return opened.error();
    }
    http::reply_stream& answer = **opened;
    if (answer.status() != 200) {
        core::reason why = refused(settings_, target, answer.status());
        co_return core::make_failure(core::errc::protocol, std::move(why));
    }
    core::result<std::string> said = co_await http::read_all(answer, longest_list, until);
    co_return said;
}

core::awaitable<core::result<boost::asio::ip::tcp::endpoint>> remote_watch::reach(core::deadline until) {
    auto at = co_await ollama_remote::reach(*searches_, settings_.at, until);
    co_return at;
}

core::awaitable<core::result<http::header_fields>> remote_watch::key_headers(core::deadline until) {
    http::header_fields out;
    if (settings_.key_file.empty()) {
        co_return out;
    }
    std::string key;
    if (disk_ != nullptr) {
        std::function<std::string()> work = [file = settings_.key_file] { return read_key(file); };
        const core::deadline soon = core::deadline::after(settings_.call, clock_.now()).sooner(until);
        auto reading = disk_->run(settings_.key_file, std::move(work), soon);
        core::result<std::string> read = co_await std::move(reading);
        if (!read) {
            co_return core::failure{
                read.error().code, core::say("runtime.remote/key", settings_.key_file, read.error().message)};
        }
        key = std::move(*read);
    } else {
        key = read_key(settings_.key_file);
    }
    if (key.empty() || !may_be_in_a_header(key)) {
        co_return core::make_failure(core::errc::unavailable,
                                     core::say("runtime.remote/key-file", settings_.key_file));
    }
    out.add("Authorization", "Bearer " + key);
    co_return out;
}

}  // namespace corral::engine::ollama_remote
