// The answers of HAProxy's runtime socket (docs/facts/haproxy.md#runtime-socket).

#include <algorithm>
#include <charconv>
#include <map>

#include "corral/boxes/edge_sync.hpp"
#include "corral/core/text.hpp"

namespace corral::boxes {

namespace {

// Each line without its end; at most `most` of them.
std::vector<std::string_view> lines_of(std::string_view text) {
    constexpr std::size_t most = 2'000'000;
    std::vector<std::string_view> out;
    while (!text.empty() && out.size() < most) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        out.push_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return out;
}

std::vector<std::string_view> fields_of(std::string_view line, char between) {
    std::vector<std::string_view> out;
    while (true) {
        const std::size_t end = line.find(between);
        out.push_back(line.substr(0, end));
        if (end == std::string_view::npos) {
            return out;
        }
        line.remove_prefix(end + 1);
    }
}

// Of a backend or a server, as HAProxy allows them; others would be more than a word in a command.
bool is_own_name(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) {
        return core::is_letter(c) || core::is_digit(c) ||
               std::string_view("_.-:").find(c) != std::string_view::npos;
    });
}

// A table whose first line with "# " names its columns.
class named_columns {
public:
    named_columns(std::string_view head, char between) {
        head.remove_prefix(std::min<std::size_t>(head.find_first_not_of("# "), head.size()));
        for (const std::string_view name : fields_of(head, between)) {
            places_.emplace(std::string(name), places_.size());
        }
    }
    [[nodiscard]] std::string_view at(const std::vector<std::string_view>& row, const char* name) const {
        const auto found = places_.find(name);
        return found == places_.end() || found->second >= row.size() ? std::string_view()
                                                                     : row[found->second];
    }

private:
    std::map<std::string, std::size_t> places_;
};

unsigned number_in(std::string_view text) {
    unsigned out = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    return error == std::errc() && end == text.data() + text.size() ? out : 0;
}

template <typename Take>
void read_table(std::string_view table, char between, const Take& take) {
    std::optional<named_columns> columns;
    for (const std::string_view line : lines_of(table)) {
        if (line.starts_with("# ")) {
            columns.emplace(line, between);
        } else if (columns && !line.empty()) {
            take(*columns, fields_of(line, between));
        }
    }
}

}  // namespace

std::vector<seen_slot> slots_in(std::string_view table) {
    std::vector<seen_slot> out;
    read_table(table, ',', [&](const named_columns& columns, const std::vector<std::string_view>& row) {
        const std::string_view name = columns.at(row, "pxname");
        const unsigned id = number_in(columns.at(row, "iid"));
        if (columns.at(row, "svname") == "BACKEND" && id >= first_slot && out.size() < most_slots &&
            is_own_name(name) && (name.starts_with("model_") || name.starts_with("spare_"))) {
            out.push_back({id, std::string(name), {}});
        }
    });
    std::ranges::sort(out, {}, &seen_slot::id);
    return out;
}

std::vector<seen_server> servers_in(std::string_view table) {
    constexpr unsigned forced_maintenance = 1;
    constexpr unsigned configured = 2;
    constexpr unsigned enabled = 4;
    const auto idle = [](unsigned state) { return (state & configured) != 0 && (state & enabled) == 0; };
    std::vector<seen_server> out;
    read_table(table, ' ', [&](const named_columns& columns, const std::vector<std::string_view>& row) {
        seen_server one;
        one.backend = columns.at(row, "be_name");
        one.name = columns.at(row, "srv_name");
        if (!is_own_name(one.backend) || !is_own_name(one.name)) {
            return;
        }
        one.address = columns.at(row, "srv_addr");
        one.port = static_cast<std::uint16_t>(number_in(columns.at(row, "srv_port")));
        one.by_name = columns.at(row, "srv_fqdn") != "-";
        one.maintenance = (number_in(columns.at(row, "srv_admin_state")) & forced_maintenance) != 0;
        one.weight = number_in(columns.at(row, "srv_uweight"));
        one.check_idle = idle(number_in(columns.at(row, "srv_check_state")));
        const unsigned agent = number_in(columns.at(row, "srv_agent_state"));
        one.agent_idle = idle(agent);
        one.agent_on = (agent & configured) != 0 && (agent & enabled) != 0;
        out.push_back(std::move(one));
    });
    return out;
}

std::optional<std::vector<std::string>> patterns_in(std::string_view list) {
    std::vector<std::string> out;
    for (const std::string_view line : lines_of(list)) {
        const std::size_t space = line.find(' ');
        if (line.starts_with("0x") && space != std::string_view::npos) {
            out.emplace_back(line.substr(space + 1));
        } else if (!line.empty()) {
            return std::nullopt;
        }
    }
    return out;
}

bool is_done(std::string_view answer) {
    const std::string_view said = core::trimmed(answer);
    return said.empty() || said == "New server registered." || said == "Server deleted.";
}

}  // namespace corral::boxes
