// The wall clock: boards without a battery wake up in the past.

#include <array>
#include <chrono>
#include <string>

#include "doctor/checks.hpp"

namespace corral::doctor {

namespace {

using catalog::severity;

constexpr std::array clock_kinds{
    finding_kind{
        "clock.wrong", severity::warning, "the clock is years behind",
        "certificates appear not to be valid yet, so TLS and downloads fail, and log times are wrong",
        "sudo timedatectl set-ntp true, or set the time by hand: sudo date -s '2026-01-31 12:00'"},
};

// Nothing that runs here is older.
constexpr int least_year = 2024;

void check_clock(const examination& box, findings& out) {
    const std::chrono::year_month_day today(std::chrono::floor<std::chrono::days>(box.around.now));
    const int year = static_cast<int>(today.year());
    if (year < least_year) {
        say(out, clock_kinds[0], "this machine", "the clock shows the year " + std::to_string(year));
    }
}

}  // namespace

const check clock_check{"clock", "the wall clock", start_part::none, clock_kinds, check_clock};

}  // namespace corral::doctor
