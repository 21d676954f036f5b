// What the accelerator's status tool says, judged as before a start, and what holds the device's memory.

#include <algorithm>
#include <array>
#include <set>
#include <string>

#include <fmt/format.h>

#include "corral/core/say.hpp"
#include "corral/device/gate_policy.hpp"
#include "doctor/checks.hpp"
#include "doctor/pci_bus.hpp"
#include "doctor/root_files.hpp"

namespace corral::doctor {

namespace {

using catalog::severity;

constexpr std::array device_kinds{
    finding_kind{"device.unusable", severity::error, "the device is lost, or its driver does not answer",
                 "no model can be started on it", "restart the card, or power-cycle the machine"},
    finding_kind{"device.not-looked-at", severity::warning, "the device can't be queried",
                 "a lost card or full memory is noticed only when a start fails",
                 "install the vendor's status tool, or name it in [models.device]"},
    finding_kind{"device.memory-short", severity::error, "the device has too little free memory for a model",
                 "its start would fail, or wait in vain for memory",
                 "stop the program that holds the memory, or serve a smaller model"},
    finding_kind{"device.hot", severity::warning, "the device is hot", "it slows down, and may stop",
                 "improve its cooling (heat sink, fan)"},
    finding_kind{"device.versions-differ", severity::warning,
                 "the card's firmware and its driver have different versions",
                 "a mismatch has caused crashes and hanging calls",
                 "install driver and firmware of the same release, then power-cycle the machine"},
    finding_kind{"device.unsuitable", severity::warning, "the runtime does not support this chip",
                 "it fails to start, or silently computes on the host's CPU",
                 "use a runtime that supports it"},
    finding_kind{"device.health", severity::warning, "the device's own tool reports a fault",
                 "some faults are harmless, others stop every model on it",
                 "look it up with the vendor's tool"},
    finding_kind{
        "device.none", severity::note, "neither a known card nor a status tool was found",
        "models for accelerators can't run on this box",
        "install the accelerator and its driver; models on the CPU or on another server need neither"},
    finding_kind{"device.card", severity::note, "a card and its state", "", "nothing"},
};

// "V3.4.0" of "V3.4.0_20250423020139".
std::string release_of(const std::string& version) {
    return version.substr(0, version.find_first_of("_ -"));
}

// The most that one model of this card needs, in MiB; 0: not known. One that is loaded has it.
std::uint64_t need_of(const examination& box, const device_view& device) {
    constexpr std::uint64_t mebibyte = 1024 * 1024;
    std::uint64_t most = 0;
    for (const model_view& model : box.models) {
        const auto& names = device.models;
        const bool here = std::ranges::find(names, model.entry.name) != names.end();
        if (!here || is_loaded(box, model)) {
            continue;
        }
        const std::uint64_t said = model.entry.runtime.device.memory_mb;
        most = std::max(most, said != 0 ? said : model.entry.device_bytes / mebibyte);
    }
    return most;
}

// A model of ours on that card would be unloaded to make room.
bool ours_is_there(const examination& box, const device_view& device) {
    return std::ranges::any_of(box.models, [&](const model_view& model) { return is_loaded(box, model); }) ||
           std::ranges::any_of(device.look.report.processes,
                               [&](const auto& one) { return box.around.is_ours(one.pid); });
}

void look_at_card(const device_view& device, const device::card_figures& card, findings& out) {
    const std::string& driver = device.look.report.driver;
    std::string what = fmt::format("card {} {}", card.index, card.name);
    if (const std::string figures = device::describe(card); !figures.empty()) {
        what += ": " + figures;
    }
    if (!card.firmware.empty()) {
        what += ", firmware " + card.firmware;
    }
    say(out, device_kinds.back(), "the device", std::move(what));
    if (card.temperature && device.said.host.hot != 0 && *card.temperature >= device.said.host.hot) {
        say(out, device_kinds[3], "the device",
            fmt::format("card {} is at {:.0f} C", card.index, *card.temperature));
    }
    if (!driver.empty() && !card.firmware.empty() && release_of(driver) != release_of(card.firmware)) {
        say(out, device_kinds[4], "the device",
            fmt::format("card {} has firmware {}, but the driver is {}", card.index, card.firmware, driver));
    }
    if (!device::is_healthy(card)) {
        const std::string code = card.health_code.empty() ? "" : ", code " + card.health_code;
        say(out, device_kinds[6], "the device",
            fmt::format("card {} {} reports its health as {}{}", card.index, card.name, card.health, code),
            device.said.advice);
    }
    for (const catalog::log_meaning& chip : device.said.host.unsuitable_chips) {
        if (card.name.find(chip.pattern) != std::string::npos) {
            say(out, device_kinds[5], "the device",
                fmt::format("card {} is a {}: {}", card.index, card.name, chip.cause), chip.advice);
        }
    }
}

void judge(const examination& box, const device_view& device, findings& out) {
    device::gate_options options;
    options.optional = device.said.optional;
    options.card = device.card;
    options.advice = device.said.advice;
    options.memory_mb = ours_is_there(box, device) ? 0 : need_of(box, device);
    device::gate_policy policy(options);
    const auto decision = policy.judge(device.look, device.look.at, box.around.lives);
    if (decision.answer == device::gate_answer::shut) {
        const std::string& log = device.said.host.log;
        const std::string fix = decision.advice.empty() ? std::string(device_kinds[0].fix) : decision.advice;
        say(out, device_kinds[0], "the device", decision.reason,
            log.empty() ? fix : core::say("doctor.fix/log", fix, log).text());
    } else if (decision.answer == device::gate_answer::wait) {
        constexpr std::string_view waiting = "waiting for device memory: ";
        std::string figures = decision.reason;
        if (figures.starts_with(waiting)) {
            figures.erase(0, waiting.size());
        }
        say(out, device_kinds[2], "the device", "too little device memory: " + figures);
    } else if (!decision.warning.empty()) {
        const bool host = !box.around.machine.is_board;
        say(out, device_kinds[1], "the device", decision.warning,
            host ? device.said.host.driver_advice : std::string());
    }
}

bool has_card_on_bus(const examination& box) {
    return std::ranges::any_of(box.accelerators, [&](const catalog::device_template& one) {
        return !one.host.pci.empty() && !cards_on_bus(box.around.root, one.host.pci).empty();
    });
}

void check_device(const examination& box, findings& out) {
    if (box.models.empty() && box.devices.empty() && !has_card_on_bus(box)) {
        say(out, device_kinds[7], "the device", "no accelerator was found");
    }
    for (const device_view& device : box.devices) {
        judge(box, device, out);
        if (device.look.problem != device::look_problem::none) {
            continue;
        }
        for (const device::card_figures& card : device.look.report.cards) {
            look_at_card(device, card, out);
        }
    }
}

namespace fs = std::filesystem;

constexpr std::array device_memory_kinds{
    finding_kind{"device.held-by-other", severity::warning, "another program holds device memory",
                 "models can't use that memory", "stop it if it is a left-over"},
    finding_kind{"device.held-by-dead", severity::warning, "a terminated process still holds device memory",
                 "models can't use that memory until the card is restarted", "restart the card"},
    finding_kind{"process.left-over", severity::warning, "a package's runtime is running outside Corral",
                 "it takes device memory and a port, and nothing supervises it", "stop it"},
};

constexpr std::uint64_t kib_in_mb = 1024;
constexpr std::size_t most_processes = 65536;

std::string file_name(const std::string& path) {
    return fs::path(path).filename().string();
}

void look_at_holders(const examination& box, const device_view& device, findings& out,
                     std::set<pid_t>& pids) {
    for (const device::device_process& one : device.look.report.processes) {
        if (box.around.is_ours(one.pid) || !pids.insert(one.pid).second) {
            continue;
        }
        const std::uint64_t held = one.kib / kib_in_mb;
        if (box.around.is_kept(one.pid)) {
            say(out, device_memory_kinds[0], "the device",
                fmt::format("process {} ({}) of another Corral holds {} MB of card {}", one.pid,
                            file_name(one.name), held, one.card),
                core::say("device.memory-short/do-corral"));
        } else if (box.around.lives(one.pid)) {
            say(out, device_memory_kinds[0], "the device",
                fmt::format("process {} ({}) holds {} MB of card {} and does not belong to Corral", one.pid,
                            file_name(one.name), held, one.card),
                core::say("device.memory-short/do-kill", one.pid));
        } else {
            say(out, device_memory_kinds[1], "the device",
                fmt::format("the terminated process {} ({}) still holds {} MB of card {}", one.pid,
                            file_name(one.name), held, one.card),
                device.said.advice);
        }
    }
}

bool is_number(const std::string& text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string::npos && text.size() < 9;
}

// Its program lies in a package of ours, so there is no doubt what it is.
const model_view* model_of_program(const examination& box, const fs::path& program) {
    for (const model_view& model : box.models) {
        std::error_code gone;
        const fs::path package = fs::weakly_canonical(model.entry.package, gone);
        if (gone || package.empty()) {
            continue;
        }
        const auto [end, rest] =
            std::mismatch(package.begin(), package.end(), program.begin(), program.end());
        if (end == package.end()) {
            return &model;
        }
    }
    return nullptr;
}

void look_at_processes(const examination& box, findings& out, const std::set<pid_t>& pids) {
    std::error_code unreadable;
    std::size_t seen = 0;
    for (fs::directory_iterator entry(below(box.around.root, "/proc"), unreadable), end;
         !unreadable && entry != end && seen < most_processes; entry.increment(unreadable), ++seen) {
        const std::string name = entry->path().filename().string();
        std::error_code of_another_user;
        const fs::path program =
            is_number(name) ? fs::read_symlink(entry->path() / "exe", of_another_user) : fs::path();
        if (program.empty()) {
            continue;
        }
        const auto pid = static_cast<pid_t>(std::stol(name));
        const model_view* const model = model_of_program(box, program);
        if (model != nullptr && !box.around.is_ours(pid) && !box.around.is_kept(pid) && !pids.contains(pid)) {
            say(out, device_memory_kinds[2], subject_of(*model),
                fmt::format("process {} ({}) of its package is running outside Corral", pid,
                            program.filename().string()),
                core::say("device.memory-short/do-stop", pid));
        }
    }
}

void check_device_memory(const examination& box, findings& out) {
    std::set<pid_t> pids;
    for (const device_view& device : box.devices) {
        if (device.look.problem == device::look_problem::none) {
            look_at_holders(box, device, out, pids);
        }
    }
    look_at_processes(box, out, pids);
}

}  // namespace

const check device_check{
    "device", "the accelerator's presence, memory, temperature and versions, as its status tool reports them",
    start_part::none, device_kinds, check_device};

const check device_memory_check{"device-memory", "the holders of device memory, and left-over runtimes",
                                start_part::none, device_memory_kinds, check_device_memory};

}  // namespace corral::doctor
