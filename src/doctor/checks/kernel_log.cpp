// What the kernel has said lately: processes killed for want of memory, and trouble of the device's driver.
// Where its log may not be read, nothing is said.

#include <array>
#include <charconv>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "doctor/checks.hpp"
#include "doctor/root_files.hpp"

namespace corral::doctor {

namespace {

using catalog::severity;

constexpr std::array kernel_log_kinds{
    finding_kind{"kernel.out-of-memory", severity::warning,
                 "the kernel killed a process because memory ran out",
                 "a killed runtime or tokenizer has to load again",
                 "stop other programs, add memory or swap, or serve a smaller model"},
    finding_kind{"kernel.driver", severity::warning, "the device's driver reported a problem",
                 "it often precedes the loss of the card", "check the kernel log (dmesg)"},
};

constexpr std::size_t log_bytes = 1024 * 1024;
constexpr std::int64_t lately = 6 * 3600;  // seconds
constexpr std::string_view out_of_memory = "Out of memory: Killed process";

struct kernel_line {
    std::int64_t at = 0;  // seconds since the start of the machine
    std::string_view text;
};

// "6,1234,5678901,-;text"; lines of a dictionary begin with a blank.
std::optional<kernel_line> parse(std::string_view record) {
    const auto semicolon = record.find(';');
    if (semicolon == std::string_view::npos || record.starts_with(' ')) {
        return std::nullopt;
    }
    std::string_view head = record.substr(0, semicolon);
    for (int field = 0; field < 2; ++field) {
        const auto comma = head.find(',');
        if (comma == std::string_view::npos) {
            return std::nullopt;
        }
        head.remove_prefix(comma + 1);
    }
    std::int64_t micro = 0;
    const auto read = std::from_chars(head.data(), head.data() + head.size(), micro);
    constexpr std::int64_t million = 1'000'000;
    return read.ec == std::errc{} ? std::optional(kernel_line{micro / million, record.substr(semicolon + 1)})
                                  : std::nullopt;
}

std::int64_t uptime(const std::filesystem::path& root) {
    const std::string text = first_line(below(root, "/proc/uptime"));
    std::int64_t out = 0;
    std::from_chars(text.data(), text.data() + text.size(), out);
    return out;
}

std::string said(const kernel_line& line, std::int64_t now) {
    const std::int64_t minutes = std::max<std::int64_t>(0, now - line.at) / 60;
    return std::to_string(minutes) + " min ago the kernel logged: " + std::string(line.text.substr(0, 200));
}

struct pattern {
    std::string_view text;
    const finding_kind* kind = nullptr;
    std::string_view cause;
    std::string_view advice;
};

std::vector<pattern> patterns(const examination& box) {
    std::vector<pattern> out{{out_of_memory, &kernel_log_kinds[0], {}, {}}};
    for (const catalog::device_template& each : box.accelerators) {
        for (const catalog::log_meaning& line : each.host.kernel_lines) {
            out.push_back({line.pattern, &kernel_log_kinds[1], line.cause, line.advice});
        }
    }
    return out;
}

void check_kernel_log(const examination& box, findings& out) {
    const auto text = read_up_to(below(box.around.root, "/dev/kmsg"), log_bytes);
    if (!text) {
        return;
    }
    const std::int64_t now = uptime(box.around.root);
    const auto wanted = patterns(box);
    std::map<std::string_view, kernel_line> last;  // of each pattern
    std::string_view rest = *text;
    while (!rest.empty()) {
        const std::string_view record = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(record.size() + 1, rest.size()));
        const auto line = parse(record);
        if (!line || now - line->at > lately) {
            continue;
        }
        for (const pattern& one : wanted) {
            if (line->text.find(one.text) != std::string_view::npos) {
                last[one.text] = *line;
            }
        }
    }
    for (const pattern& one : wanted) {
        const auto found = last.find(one.text);
        if (found != last.end()) {
            const std::string cause = one.cause.empty() ? "" : std::string(one.cause) + " ";
            say(out, *one.kind, one.kind == &kernel_log_kinds[0] ? "this machine" : "the device",
                cause + said(found->second, now), std::string(one.advice));
            last.erase(found);
        }
    }
}

}  // namespace

const check kernel_log_check{"kernel-log", "the kernel's messages of the last six hours", start_part::none,
                             kernel_log_kinds, check_kernel_log};

}  // namespace corral::doctor
