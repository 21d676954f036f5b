#include "box_feed.hpp"

#include <array>
#include <map>
#include <utility>

#include "corral/core/say.hpp"

namespace corral::daemon {

namespace {

constexpr std::array<std::string_view, 6> ages{"uptime_seconds", "for_seconds",      "age_seconds",
                                               "since",          "next_try_seconds", "waited_seconds"};

struct picture {
    std::string frame;    // as it is sent
    api::desk_json core;  // without its ages
    std::uint64_t number = 0;
    core::steady_time made{};
};

// True when there is a new one to send.
bool renew(picture& old, const char* event, api::desk_json now_shown, core::steady_time now) {
    api::desk_json core = without_ages(now_shown);
    const bool stale = now - old.made >= box_feed::longest_age;
    if (old.number != 0 && !stale && core == old.core) {
        return false;
    }
    old.frame = std::string("event: ") + event +
                "\ndata: " + now_shown.dump(-1, ' ', false, api::desk_json::error_handler_t::replace) +
                "\n\n";
    old.core = std::move(core);
    old.made = now;
    ++old.number;
    return true;
}

}  // namespace

api::desk_json without_ages(api::desk_json picture) {
    if (picture.is_object()) {
        for (const std::string_view age : ages) {
            picture.erase(std::string(age));
        }
    }
    if (picture.is_structured()) {
        for (auto& inner : picture) {
            inner = without_ages(std::move(inner));
        }
    }
    return picture;
}

struct box_feed::state {
    state(const core::executor& on, const core::clock_source& time, feed_sources sources)
        : clock(time), from(std::move(sources)), changed(on) {}
    const core::clock_source& clock;
    feed_sources from;
    core::wake_signal changed;
    std::map<std::string, std::size_t> clients;
    std::size_t watchers = 0;
    bool looks = false;  // the task runs
    bool over = false;
    std::uint64_t endings = 0;  // of all streams that there were; an upgrade that is given up leaves new ones
    picture status;
    picture requests;
};

class box_feed::watcher final : public api::desk_stream {
public:
    watcher(std::shared_ptr<state> of, std::string client) : of_(std::move(of)), client_(std::move(client)) {
        ++of_->watchers;
        ++of_->clients[client_];
    }
    ~watcher() override {
        --of_->watchers;
        if (--of_->clients[client_] == 0) {
            of_->clients.erase(client_);
        }
    }

    core::awaitable<std::optional<std::string>> next() override {
        const core::deadline sign = core::deadline::after(heartbeat, of_->clock.now());
        while (!of_->over && ending_ == of_->endings) {
            std::string out;
            if (std::exchange(seen_status_, of_->status.number) != of_->status.number) {
                out = of_->status.frame;
            }
            if (std::exchange(seen_requests_, of_->requests.number) != of_->requests.number) {
                out += of_->requests.frame;
            }
            if (!out.empty()) {
                co_return out;
            }
            const core::wake_reason why = co_await of_->changed.wait(sign);
            if (why == core::wake_reason::cancelled) {
                co_return std::nullopt;
            }
            if (why == core::wake_reason::timed_out) {
                co_return "event: heartbeat\ndata: {}\n\n";
            }
        }
        co_return std::nullopt;
    }

private:
    std::shared_ptr<state> of_;
    std::string client_;
    std::uint64_t ending_ = of_->endings;
    std::uint64_t seen_status_ = 0;
    std::uint64_t seen_requests_ = 0;
};

box_feed::box_feed(core::task_group& tasks, const core::clock_source& clock, feed_sources from)
    : tasks_(tasks), state_(std::make_shared<state>(tasks.get_executor(), clock, std::move(from))) {}

// The task may look once more, and must not ask then.
box_feed::~box_feed() {
    state_->over = true;
    state_->from = {};
    state_->changed.ring();
}

core::result<std::unique_ptr<api::desk_stream>> box_feed::watch(const std::string& client) {
    const auto known = state_->clients.find(client);
    const std::size_t of_client = known == state_->clients.end() ? 0 : known->second;
    if (state_->watchers >= most_watchers || of_client >= most_of_client) {
        return core::make_failure(core::errc::limit_exceeded, core::say("page.busy/many-pages"));
    }
    if (state_->over || state_->from.over()) {
        return core::make_failure(core::errc::limit_exceeded, core::say("upgrade.refused/server-shutting"));
    }
    std::unique_ptr<api::desk_stream> out = std::make_unique<watcher>(state_, client);
    if (!std::exchange(state_->looks, true)) {
        // The first picture must not be an old one.
        state_->status.made = {};
        state_->requests.made = {};
        tasks_.spawn("picture of the box", look(state_));
    }
    return out;
}

core::awaitable<void> box_feed::look(std::shared_ptr<state> feed) {
    bool awake = true;
    while (awake && !feed->over && feed->watchers > 0) {
        if (feed->from.over()) {
            ++feed->endings;
            break;
        }
        const core::steady_time now = feed->clock.now();
        const bool first = renew(feed->status, "status", feed->from.status(), now);
        const bool second = renew(feed->requests, "requests", feed->from.requests(), now);
        if (first || second) {
            feed->changed.ring();
        }
        awake = co_await core::sleep_for(between_looks);
    }
    feed->looks = false;
    feed->changed.ring();
}

}  // namespace corral::daemon
