#include "corral/incidents/black_box.hpp"

#include <algorithm>
#include <exception>
#include <mutex>
#include <utility>

#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>

#include "corral/catalog/placement.hpp"
#include "corral/core/say.hpp"
#include "corral/core/wake_signal.hpp"
#include "corral/telemetry/crash_store.hpp"
#include "corral/telemetry/log.hpp"
#include "corral/telemetry/system_figures.hpp"
#include "crash_bundle.hpp"

namespace corral::incidents {

namespace {

using json = nlohmann::ordered_json;

constexpr std::size_t most_finished = 16;  // requests of the model in a bundle

// The runs on the model whose label that is, the last ones, oldest first.
std::vector<telemetry::run_record> finished_of(const telemetry::run_journal& journal,
                                               const std::string& model) {
    std::vector<telemetry::run_record> out;
    const auto& all = journal.finished();
    for (auto each = all.rbegin(); each != all.rend() && out.size() < most_finished; ++each) {
        if (each->deployment == model.substr(0, model.find('@'))) {
            out.push_back(*each);
        }
    }
    std::ranges::reverse(out);
    return out;
}

}  // namespace

// One thread, made when there is something to write; everything but post() happens on it. The ration bounds
// what can wait.
class black_box::writer {
public:
    writer(std::filesystem::path folder, telemetry::crash_limits limits)
        : folder_(std::move(folder)), limits_(limits) {}
    writer(const writer&) = delete;
    writer& operator=(const writer&) = delete;
    ~writer() {
        if (thread_) {
            thread_->join();
        }
    }

    void post(std::string name, json bundle) {
        try {
            thread_ = thread_ ? std::move(thread_) : std::make_unique<boost::asio::thread_pool>(1);
        } catch (const boost::system::system_error& error) {
            return complain(core::say("files.disk/thread-started", error.code().message()));
        }
        boost::asio::post(*thread_, [this, name = std::move(name), bundle = std::move(bundle)]() mutable {
            try {
                write(name, std::move(bundle));
            } catch (const std::exception& error) {
                complain(error.what());
            }
        });
    }

    [[nodiscard]] std::string lost() const {
        const std::scoped_lock shared(lock_);
        return lost_;
    }

private:
    // False where it was so already.
    bool note_lost(const std::string& why) {
        const std::scoped_lock shared(lock_);
        return std::exchange(lost_, why).empty() && !why.empty();
    }
    void write(const std::string& name, json bundle) {
        bundle["system"] = telemetry::read_system_figures();
        const std::string text = bundle.dump(1, ' ', false, json::error_handler_t::replace) + "\n";
        const auto kept = telemetry::keep_crash(folder_, name, text, limits_);
        if (!kept) {
            return complain(kept.error().message);
        }
        note_lost({});
        telemetry::log().info("{}: what happened is kept in {}; see it with 'corral logs --crash'",
                              bundle.value("model", ""), (folder_ / name).string());
    }
    void complain(const std::string& why) {
        const std::string shown = telemetry::printable(why, 400);
        if (note_lost(shown)) {
            const core::reason said = core::say("daemon.log/black-box", shown);
            telemetry::warn(said, "{} event=black-box.lost", said);
        }
    }

    std::filesystem::path folder_;
    telemetry::crash_limits limits_;
    mutable std::mutex lock_;  // a sentence, for whoever asks the loop meanwhile
    std::string lost_;         // why the last one was not kept
    std::unique_ptr<boost::asio::thread_pool> thread_;
};

// One model. Its task may outlive the box's interest in it.
class black_box::watched final : public supervisor::group_observer,
                                 public std::enable_shared_from_this<watched> {
public:
    watched(black_box& box, const catalog::model_entry& about, supervisor::group& group)
        : model(catalog::label_of(about)),
          settings(settings_of(about)),
          services(&group),
          bell(box.tasks_.get_executor()),
          box_(&box) {
        const auto before = group.history();
        seen_ = before.empty() ? 0 : before.back().number;
    }

    void on_output(std::string_view, process::output_stream, std::string_view) override {}

    void on_status(const supervisor::service_status&) override {
        if (box_ == nullptr) {
            return;
        }
        const auto all = services->history();
        for (const supervisor::transition_record& each : all) {
            if (each.number > seen_) {
                seen_ = each.number;
                take(each);
            }
        }
        bell.ring();
        if (incidents.due() && !settling) {
            settling = true;
            box_->tasks_.spawn("black box: " + model, settle(shared_from_this()));
        }
    }

    // Null once the box is not interested any more.
    [[nodiscard]] black_box* box() const noexcept { return box_; }
    void leave() {
        services->remove_observer(this);
        box_ = nullptr;
        bell.ring();
    }

    const std::string model;
    const json settings;
    supervisor::group* const services;  // not after leave()
    core::wake_signal bell;             // rung when `incidents` changed
    incident_watch incidents;
    std::vector<telemetry::run_record> inside;  // requests that ran when the incident began
    bool settling = false;

private:
    void take(const supervisor::transition_record& record) {
        if (incidents.note(record) && box_->from_.journal != nullptr) {
            inside = box_->from_.journal->running(box_->clock_.now());
        }
        if (record.to == supervisor::service_state::ready) {
            box_->ration_.on_ready(model, record.service);
        }
    }

    black_box* box_;
    std::uint64_t seen_ = 0;
};

black_box::black_box(core::task_group& tasks, const core::clock_source& clock,
                     const config::black_box_settings& settings, std::filesystem::path folder,
                     black_box_sources from)
    : tasks_(tasks),
      clock_(clock),
      from_(std::move(from)),
      writer_(std::make_unique<writer>(
          std::move(folder), telemetry::crash_limits{settings.keep, settings.size_mb * 1024 * 1024})) {}

black_box::~black_box() {
    for (const auto& each : watched_) {
        keep(*each);
        each->leave();
    }
}

std::string black_box::lost() const {
    return writer_->lost();
}

void black_box::watch(const catalog::model_entry& model, supervisor::group& services) {
    auto made = std::make_shared<watched>(*this, model, services);
    services.add_observer(made.get());
    watched_.push_back(std::move(made));
}

void black_box::forget(const supervisor::group& services) {
    const auto found =
        std::ranges::find_if(watched_, [&](const auto& each) { return each->services == &services; });
    if (found == watched_.end()) {
        return;
    }
    keep(**found);
    (*found)->leave();
    watched_.erase(found);
}

core::awaitable<void> black_box::settle(std::shared_ptr<watched> about) {
    while (about->box() != nullptr && about->incidents.due()) {
        const core::deadline until{*about->incidents.due()};
        if (until.passed(about->box()->clock_.now())) {
            about->box()->keep(*about);
            continue;
        }
        const core::wake_reason woken = co_await about->bell.wait(until);
        if (woken == core::wake_reason::cancelled) {
            break;  // the destructor keeps what is open
        }
    }
    about->settling = false;
}

void black_box::keep(watched& about) {
    std::optional<incident> what = about.incidents.take();
    if (!what || !ration_.grant(about.model, *what, clock_.now())) {
        return;
    }
    bundle_facts facts;
    facts.log_content = from_.log_content;
    facts.model = about.model;
    facts.settings = about.settings;
    facts.what = std::move(*what);
    facts.not_kept = ration_.take_refused();
    facts.services = about.services->status();
    for (const supervisor::service_status& service : facts.services) {
        facts.lines.push_back(about.services->recent_lines(service.name));
    }
    facts.history = about.services->history();
    facts.inside = std::exchange(about.inside, {});
    if (from_.journal != nullptr) {
        facts.finished = finished_of(*from_.journal, about.model);
    }
    if (from_.device) {
        facts.device = from_.device();
    }
    facts.time = std::chrono::system_clock::now();
    facts.now = clock_.now();
    writer_->post(telemetry::crash_name(facts.what.first.time, about.model), to_bundle(facts));
}

}  // namespace corral::incidents
