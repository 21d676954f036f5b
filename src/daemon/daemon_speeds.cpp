// The daemon counts how fast its models write, and keeps that over its own end.

#include <chrono>
#include <utility>

#include <sys/utsname.h>
#include <unistd.h>

#include "corral/catalog/placement.hpp"
#include "corral/core/files.hpp"
#include "corral/core/state_format.hpp"
#include "corral/core/time.hpp"
#include "corral/daemon/daemon.hpp"
#include "corral/telemetry/log.hpp"
#include "corral/version.hpp"

namespace corral::daemon {

// What may make another speed, as far as it is known.
void daemon::note_speed(const telemetry::run_record& ended) {
    if (!ended.exact) {
        return;
    }
    monitor::circumstances with{{"Corral", version}};
    utsname system{};
    if (::uname(&system) == 0) {
        with["kernel"] = system.release;
    }
    std::vector<unsigned> cards;
    for (const auto& runtime : fleet_.backends()) {
        if (catalog::label_of(runtime->model()) == ended.processes) {
            cards = runtime->claim().cards;
            if (!runtime->model().digest.empty()) {
                with["package"] = runtime->model().digest.substr(0, 12);
            }
        }
    }
    for (const auto& tool : devices_.all()) {
        const device::device_look* const look = tool->last();
        if (look == nullptr || look->problem != device::look_problem::none || cards.empty()) {
            continue;
        }
        if (!look->report.driver.empty()) {
            with["driver"] = look->report.driver;
        }
        if (const auto* const card = device::find_card(look->report, cards.front());
            card != nullptr && !card->firmware.empty()) {
            with["firmware"] = card->firmware;
        }
    }
    const std::string& model = ended.served_by.empty() ? ended.deployment : ended.served_by;
    speeds_.note(model, core::utc_text(std::chrono::system_clock::now(), "%Y-%m-%d"), std::move(with),
                 {ended.prompt_tokens, ended.generated_tokens, ended.decode});
    speeds_changed_ = true;
}

std::filesystem::path daemon::speed_file() const {
    return settings_.state_directory.empty() ? std::filesystem::path()
                                             : settings_.state_directory / "speed.json";
}

// Seldom, for the box's disk may be a card that wears out.
core::awaitable<void> daemon::keep_speeds() {
    constexpr core::seconds between{600};
    if (!speeds_known_) {
        auto reading = before_start_.run<monitor::speed_history>("speeds", [file = speed_file()] {
            const auto kept = core::read_private_file(file);
            return monitor::speed_history::of_text(kept ? std::string_view(kept->text) : std::string_view());
        });
        core::result<monitor::speed_history> kept = co_await std::move(reading);
        speeds_known_ = kept.has_value();
        if (speeds_known_) {
            speeds_.go_on_behind(*std::move(kept));
        }
    }
    bool awake = speeds_known_;
    while (awake) {
        awake = co_await core::sleep_for(between);
        if (awake) {
            co_await write_speeds();
        }
    }
}

// Never before the earlier ones were read: these would take their place.
core::awaitable<void> daemon::write_speeds() {
    constexpr core::seconds patience{2};
    const std::filesystem::path file = speed_file();
    if (!speeds_known_ || !std::exchange(speeds_changed_, false) || file.empty()) {
        co_return;
    }
    auto writing = before_start_.run<std::string>(
        "speeds",
        [file, all = speeds_]() -> std::string {
            if (core::is_newer_format(file, "format", monitor::speed_history::format)) {
                return core::newer_format(file).message.text();
            }
            const auto done = core::replace_private_file(
                file, {.text = all.text(), .mode = 0600, .owner = ::geteuid(), .group = ::getegid()});
            return done ? std::string() : done.error().message.text();
        },
        core::deadline::after(patience, clock_.now()));
    const core::result<std::string> why = co_await std::move(writing);
    if (why && !why->empty()) {
        telemetry::log().info("figures of speed are not kept: {} event=speed.unkept", *why);
    }
}

}  // namespace corral::daemon
