#include "chat/format/schema_reference.hpp"

#include <algorithm>
#include <string>

#include "corral/core/text.hpp"

namespace corral::chat {

namespace {

constexpr std::size_t longest_chain = 24;

// A pointer in a fragment is percent-encoded.
std::string percent_decoded(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool escape = text[i] == '%' && i + 2 < text.size() && core::hex_value(text[i + 1]) >= 0 &&
                            core::hex_value(text[i + 2]) >= 0;
        if (escape) {
            out += static_cast<char>(core::hex_value(text[i + 1]) * 16 + core::hex_value(text[i + 2]));
            i += 2;
        } else {
            out += text[i];
        }
    }
    return out;
}

// One name of a JSON pointer: ~1 is '/', ~0 is '~'.
std::string unescaped(std::string_view name) {
    std::string out;
    for (std::size_t i = 0; i < name.size(); ++i) {
        const bool escape =
            name[i] == '~' && i + 1 < name.size() && (name[i + 1] == '0' || name[i + 1] == '1');
        out += escape ? (name[++i] == '0' ? '~' : '/') : name[i];
    }
    return out;
}

const nlohmann::ordered_json* find_part(const nlohmann::ordered_json& whole, const std::string& name) {
    if (whole.is_object()) {
        const auto found = whole.find(name);
        return found == whole.end() ? nullptr : &*found;
    }
    const auto index = core::whole_number<std::size_t>(name);
    return whole.is_array() && index && *index < whole.size() ? &whole[*index] : nullptr;
}

// The longest way from each schema, depth first. No way is followed further than a chain may be long, so a
// circle is found without marks.
class chain_search {
public:
    explicit chain_search(const reference_graph& graph) : graph_(graph), length_(graph.size()) {}

    bool ends(std::size_t schema, std::size_t passed) {
        if (passed > longest_chain) {
            return false;
        }
        if (!length_[schema]) {
            std::size_t length = 0;
            for (const std::size_t next : graph_[schema]) {
                if (!ends(next, passed + 1)) {
                    return false;
                }
                length = std::max(length, *length_[next] + 1);
            }
            length_[schema] = length;
        }
        return passed + *length_[schema] <= longest_chain;
    }

private:
    const reference_graph& graph_;
    std::vector<std::optional<std::size_t>> length_;
};

}  // namespace

const nlohmann::ordered_json* find_local(const nlohmann::ordered_json& root, std::string_view text) {
    if (text.empty() || text.front() != '#') {
        return nullptr;
    }
    const std::string pointer = percent_decoded(text.substr(1));
    const nlohmann::ordered_json* at = &root;
    std::size_t from = 0;
    while (at != nullptr && from < pointer.size()) {
        if (pointer[from] != '/') {
            return nullptr;
        }
        const std::size_t end = std::min(pointer.find('/', from + 1), pointer.size());
        at = find_part(*at, unescaped(std::string_view(pointer).substr(from + 1, end - from - 1)));
        from = end;
    }
    return at;
}

std::optional<std::size_t> endless_reference(const reference_graph& graph) {
    chain_search search(graph);
    for (std::size_t schema = 0; schema < graph.size(); ++schema) {
        if (!search.ends(schema, 0)) {
            return schema;
        }
    }
    return std::nullopt;
}

}  // namespace corral::chat
