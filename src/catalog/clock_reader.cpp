#include "catalog/profile_parts.hpp"

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "corral/core/say.hpp"

namespace corral::catalog {

namespace {

using core::milliseconds;
using core::seconds;
using std::chrono::hours;

}  // namespace

void read_bounds(section& table, std::string_view key, milliseconds start, clock_bounds& into) {
    const std::string floor = std::string(key) + "_floor";
    const std::string ceiling = std::string(key) + "_ceiling";
    const std::string own = table.has(key) ? std::string(key) : std::string(key) + "_base";
    table.duration(floor, into.floor, milliseconds{100}, hours{6});
    table.duration(ceiling, into.ceiling, milliseconds{100}, hours{24});
    if (table.has(floor) && table.has(ceiling) && into.floor > into.ceiling) {
        table.complain(table.place(floor), core::say("configuration.out-of-range/more", floor, ceiling));
    }
    if (!table.has(own)) {
        return;
    }
    if (table.has(floor) && into.floor > start) {
        table.complain(table.place(floor), core::say("configuration.out-of-range/more", floor, own));
    }
    if (table.has(ceiling) && into.ceiling < start) {
        table.complain(table.place(ceiling), core::say("configuration.out-of-range/less", ceiling, own));
    }
}

void read_probe_keys(section& table, probe_template& into) {
    table.choice("method", into.method, {"GET", "HEAD", "OPTIONS"});
    table.text("url", into.url);
    table.text("target", into.target);
    if (!into.target.starts_with('/')) {
        table.complain(table.place("target"), core::say("configuration.bad-form/target"));
    }
    table.integer("status", into.status, 0, 599);
    table.duration("timeout", into.timeout, milliseconds{50}, seconds{60});
}

void read_liveness(section& table, liveness_rule& into) {
    auto rule = table.table("liveness");
    if (!rule) {
        return;
    }
    read_probe_keys(*rule, into.probe);
    rule->duration("interval", into.interval, milliseconds{0}, hours{1});
    if (into.interval > milliseconds{0} && into.interval < milliseconds{100}) {
        rule->complain(rule->place("interval"), core::say("configuration.out-of-range/interval"));
    }
    rule->integer("failures", into.failures, 1, 100);
    rule->finish();
}

void read_canary(section& table, canary_mode& into) {
    constexpr std::array<std::pair<std::string_view, canary_mode>, 3> modes{
        {{"always", canary_mode::always},
         {"after-restart", canary_mode::after_restart},
         {"never", canary_mode::never}}};
    std::vector<std::string> words;
    std::string word;
    for (const auto& [name, mode] : modes) {
        words.emplace_back(name);
        word = mode == into ? std::string(name) : word;
    }
    table.choice("canary", word, words);
    for (const auto& [name, mode] : modes) {
        into = name == word ? mode : into;
    }
}

}  // namespace corral::catalog
