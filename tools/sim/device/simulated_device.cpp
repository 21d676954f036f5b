#include "device/simulated_device.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iterator>
#include <nlohmann/json.hpp>
#include <sstream>

#include "scenario.hpp"

namespace corral::sim {
namespace {

using nlohmann::json;

constexpr long kib_in_mib = 1024;

template <class Visitor>
void visit_keys(auto& s, Visitor&& visit) {
    visit("cards", s.cards);
    visit("name", s.name);
    visit("firmware", s.firmware);
    visit("version", s.version);
    visit("bus", s.bus);
    visit("temperature", s.temperature);
    visit("total_mib", s.total_mib);
    visit("idle_mib", s.idle_mib);
    visit("model_mib", s.model_mib);
    visit("give_back_ms", s.give_back_ms);
    visit("delay_ms", s.delay_ms);
    visit("health", s.health);
    visit("fault", s.fault);
}

void check_words(const device_settings& s) {
    const std::vector<std::string> faults{"", "hang", "garbage", "fail", "no_card"};
    if (std::find(faults.begin(), faults.end(), s.fault) == faults.end())
        throw scenario_error("unknown device fault '" + s.fault + "'; nearest is '" +
                             nearest_word(s.fault, faults) + "'");
}

device_settings read_settings(const json& from) {
    device_settings out;
    for (const auto& [key, value] : from.items()) {
        bool known = false;
        std::vector<std::string> keys;
        visit_keys(out, [&, &wanted = key, &given = value](const std::string& name, auto& field) {
            keys.push_back(name);
            if (name != wanted) return;
            known = true;
            given.get_to(field);
        });
        if (!known)
            throw scenario_error("unknown device key '" + key + "'; nearest is '" + nearest_word(key, keys) +
                                 "'");
    }
    check_words(out);
    return out;
}

// Jiffies after boot at which the process began; empty when there is none (a zombie counts as dead).
std::string start_of(int pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
    std::string stat((std::istreambuf_iterator<char>(file)), {});
    const auto name_end = stat.rfind(')');
    if (name_end == std::string::npos) return {};
    std::istringstream fields(stat.substr(name_end + 1));
    std::string field;
    for (int number = 3; number <= 22 && fields >> field; ++number)
        if (number == 3 && (field == "Z" || field == "X")) return {};
    return field;
}

long long now_ms() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

// A list that the programs share, alone in it for as long as this lives.
class held_file {
public:
    explicit held_file(const std::string& path)
        : path_(path), fd_(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
        if (fd_ < 0 || flock(fd_, LOCK_EX) != 0) throw scenario_error("can't use " + path);
        std::ifstream file(path);
        entries = json::parse(file, nullptr, false);
        if (!entries.is_array()) entries = json::array();
    }
    held_file(const held_file&) = delete;
    held_file& operator=(const held_file&) = delete;
    ~held_file() { close(fd_); }

    void write() {
        std::ofstream file(path_, std::ios::trunc);
        file << entries.dump();
    }

    // Forgets the dead whose memory is back.
    void settle(int give_back_ms) {
        json left = json::array();
        for (auto& entry : entries) {
            if (start_of(entry.value("pid", 0)) != entry.value("start", "")) {
                const auto died = entry.value("died_ms", now_ms());
                if (give_back_ms >= 0 && now_ms() - died >= give_back_ms) continue;
                entry["died_ms"] = died;
            }
            left.push_back(entry);
        }
        entries = std::move(left);
        write();
    }

    json entries;

private:
    std::string path_;
    int fd_;
};

long sum_of(const json& entries, int card, int but_pid) {
    long sum = 0;
    for (const auto& entry : entries)
        if (entry.value("card", 0) == card && entry.value("pid", 0) != but_pid) sum += entry.value("kib", 0L);
    return sum;
}

}  // namespace

int obey_tool_fault(const device_settings& s, const char* garbage, const char* words) {
    if (s.fault == "hang")
        for (;;) pause();
    if (s.fault == "garbage") {
        std::printf("\xff\xfe%s\nSegmentation fau", garbage);
        return 0;
    }
    std::fprintf(stderr, "%s\n", words);
    return 1;
}

std::optional<simulated_device> simulated_device::from_environment() {
    const char* path = std::getenv("CORRAL_SIM_DEVICE");
    if (path == nullptr || *path == '\0') return std::nullopt;
    return simulated_device(path);
}

device_settings simulated_device::settings() const {
    std::ifstream file(path_);
    if (!file) return {};
    try {
        return read_settings(json::parse(file));
    } catch (const json::exception& problem) {
        throw scenario_error(path_ + ": " + problem.what());
    }
}

int simulated_device::cards() const {
    const auto now = settings();
    return now.fault == "no_card" ? 0 : now.cards;
}

bool simulated_device::hold(int card, long kib) const {
    const auto now = settings();
    held_file held(path_ + ".held");
    held.settle(now.give_back_ms);
    const int pid = getpid();
    if (sum_of(held.entries, card, pid) + kib > (now.total_mib - now.idle_mib) * kib_in_mib) return false;
    json left = json::array();
    for (const auto& entry : held.entries)
        if (entry.value("pid", 0) != pid || entry.value("card", 0) != card) left.push_back(entry);
    left.push_back({{"card", card},
                    {"pid", pid},
                    {"start", start_of(pid)},
                    {"name", std::string(program_invocation_name)},
                    {"kib", kib}});
    held.entries = std::move(left);
    held.write();
    return true;
}

void simulated_device::give_back() const {
    held_file held(path_ + ".held");
    json left = json::array();
    for (const auto& entry : held.entries)
        if (entry.value("pid", 0) != getpid()) left.push_back(entry);
    held.entries = std::move(left);
    held.write();
}

std::vector<memory_holding> simulated_device::holdings() const {
    const auto now = settings();
    held_file held(path_ + ".held");
    held.settle(now.give_back_ms);
    std::vector<memory_holding> out;
    for (const auto& entry : held.entries)
        out.push_back(
            {entry.value("card", 0), entry.value("pid", 0), entry.value("name", ""), entry.value("kib", 0L)});
    return out;
}

long simulated_device::used_kib(int card) const {
    long used = settings().idle_mib * kib_in_mib;
    for (const auto& one : holdings())
        if (one.card == card) used += one.kib;
    return used;
}

void simulated_device::set_busy(int card, int percent) const {
    held_file busy(path_ + ".busy");
    const int pid = getpid();
    json left = json::array();
    for (const auto& entry : busy.entries) {
        const bool own = entry.value("pid", 0) == pid && entry.value("card", 0) == card;
        if (!own && start_of(entry.value("pid", 0)) == entry.value("start", "")) left.push_back(entry);
    }
    if (percent > 0)
        left.push_back({{"card", card}, {"pid", pid}, {"start", start_of(pid)}, {"npu", percent}});
    busy.entries = std::move(left);
    busy.write();
}

int simulated_device::busy_percent(int card) const {
    const held_file busy(path_ + ".busy");
    int sum = 0;
    for (const auto& entry : busy.entries)
        if (entry.value("card", 0) == card && start_of(entry.value("pid", 0)) == entry.value("start", ""))
            sum += entry.value("npu", 0);
    return std::min(sum, 100);
}

}  // namespace corral::sim
