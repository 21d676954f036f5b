#include "corral/monitor/card_memory.hpp"

#include <algorithm>

#include <unistd.h>

#include "corral/core/text.hpp"

namespace corral::monitor {

namespace {

constexpr std::uint64_t kib_in_mb = 1024;
// Process numbers are used again; of so many the oldest mean nothing any more.
constexpr std::size_t most_remembered = 512;
constexpr core::seconds remembered_for{60};
constexpr std::size_t most_looks = 100;
constexpr std::size_t most_cards = 64;

// The newest answer that tells of that card's memory.
const device::device_look* newest(const device::reader_set& tools, unsigned card) {
    const device::device_look* found = nullptr;
    for (const auto& tool : tools.all()) {
        const device::device_look* const last = tool->last();
        if (last == nullptr || last->problem != device::look_problem::none) {
            continue;
        }
        const device::card_figures* const figures = device::find_card(last->report, card);
        if (figures != nullptr && figures->model_memory && (found == nullptr || last->at > found->at)) {
            found = last;
        }
    }
    return found;
}

}  // namespace

std::optional<foreign_memory> foreign_memory_in(const device::device_report& report, unsigned card,
                                                const std::function<bool(pid_t)>& ours, bool ours_there) {
    const device::card_figures* const figures = device::find_card(report, card);
    if (figures == nullptr || !figures->model_memory) {
        return std::nullopt;
    }
    const device::memory_use& memory = *figures->model_memory;
    foreign_memory out;
    out.total = memory.total;
    if (!report.lists_processes) {
        if (!ours_there) {
            out.unowned = memory.used;
        }
        return out;
    }
    std::uint64_t all_kib = 0;
    std::uint64_t others_kib = 0;
    for (const device::device_process& one : report.processes) {
        if (one.card == card) {
            all_kib += one.kib;
            others_kib += ours(one.pid) ? 0 : one.kib;
        }
    }
    out.others = others_kib / kib_in_mb;
    out.unowned = memory.used - std::min(all_kib / kib_in_mb, memory.used);
    return out;
}

void card_memory::on_started(pid_t pid) {
    running_.insert(pid);
    remember(pid);
}

void card_memory::on_gone(pid_t pid) {
    running_.erase(pid);
}

// A service may be a script that started the program: then its group is ours.
bool card_memory::is_ours(pid_t pid) {
    if (running_.contains(pid) || std::ranges::find(ours_, pid) != ours_.end()) {
        return true;
    }
    const pid_t group = ::getpgid(pid);
    if (group <= 0 || !running_.contains(group)) {
        return false;
    }
    remember(pid);
    return true;
}

void card_memory::remember(pid_t pid) {
    if (std::ranges::find(ours_, pid) != ours_.end()) {
        return;
    }
    if (ours_.size() >= most_remembered) {
        ours_.erase(ours_.begin());
    }
    ours_.push_back(pid);
}

std::optional<std::uint64_t> card_memory::of(unsigned card) {
    const device::device_look* const look = newest(tools_, card);
    if (look == nullptr) {
        const auto before = known_.find(card);
        return before != known_.end() ? std::optional(before->second)
               : otherwise_ != 0      ? std::optional(otherwise_)
                                      : std::nullopt;
    }
    const auto found = foreign_memory_in(
        look->report, card, [this](pid_t pid) { return is_ours(pid); }, !running_.empty());
    const std::uint64_t taken = found->others + idle_[card].least(look->at, found->unowned);
    return known_[card] = found->total - std::min(taken, found->total);
}

std::string card_memory::text() const {
    std::vector<std::string> out;
    for (const auto& [card, mb] : known_) {
        out.push_back(std::to_string(card) + '=' + std::to_string(mb));
    }
    return core::joined(out, " ");
}

void card_memory::go_on_behind(std::string_view before) {
    for (const std::string_view word : core::split(before, ' ')) {
        const std::size_t middle = word.find('=');
        if (middle == std::string_view::npos) {
            continue;
        }
        const auto card = core::whole_number<unsigned>(word.substr(0, middle));
        const auto mb = core::whole_number<std::uint64_t>(word.substr(middle + 1));
        if (card && mb && known_.size() < most_cards) {
            known_.emplace(*card, *mb);
        }
    }
}

std::uint64_t idle_figures::least(core::steady_time at, std::optional<std::uint64_t> unowned) {
    if (unowned && (known_.empty() || known_.back().at < at)) {
        known_.push_back({at, *unowned});
    }
    while (known_.size() > most_looks || (known_.size() > 1 && at - known_.front().at > remembered_for)) {
        known_.pop_front();
    }
    const auto least = std::min_element(known_.begin(), known_.end(),
                                        [](const auto& a, const auto& b) { return a.unowned < b.unowned; });
    return least == known_.end() ? 0 : least->unowned;
}

}  // namespace corral::monitor
