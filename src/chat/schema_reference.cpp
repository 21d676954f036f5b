#include "chat/schema_reference.hpp"

#include <algorithm>
#include <string>

namespace corral::chat {

namespace {

constexpr std::size_t longest_chain = 24;

int hex_value(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

// A pointer in a fragment is percent-encoded.
std::string decoded(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const int high = text[i] == '%' && i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
        const int low = high >= 0 ? hex_value(text[i + 2]) : -1;
        if (low >= 0) {
            out += static_cast<char>(high * 16 + low);
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

const nlohmann::ordered_json* member(const nlohmann::ordered_json& of, const std::string& name) {
    if (of.is_object()) {
        const auto found = of.find(name);
        return found == of.end() ? nullptr : &*found;
    }
    constexpr std::size_t most_digits = 6;
    const bool is_index = !name.empty() && name.size() <= most_digits &&
                          name.find_first_not_of("0123456789") == std::string::npos;
    if (!of.is_array() || !is_index) {
        return nullptr;
    }
    const std::size_t index = std::stoul(name);
    return index < of.size() ? &of[index] : nullptr;
}

// Length of the longest way from each schema, found depth first with the way kept by hand: it may be long.
class chain_search {
public:
    explicit chain_search(const reference_graph& graph)
        : graph_(graph), length_(graph.size(), 0), state_(graph.size(), mark::fresh) {}

    std::optional<std::size_t> run() {
        for (std::size_t each = 0; each < graph_.size(); ++each) {
            if (state_[each] == mark::fresh && !ends(each)) {
                return each;
            }
        }
        return std::nullopt;
    }

private:
    enum class mark { fresh, open, done };
    struct step {
        std::size_t schema;
        std::size_t next = 0;
    };

    bool ends(std::size_t from) {
        std::vector<step> way{{from}};
        state_[from] = mark::open;
        while (!way.empty()) {
            step& now = way.back();
            if (now.next == graph_[now.schema].size()) {
                close(now.schema);
                if (length_[now.schema] > longest_chain) {
                    return false;
                }
                way.pop_back();
                continue;
            }
            const std::size_t child = graph_[now.schema][now.next++];
            if (state_[child] == mark::open) {
                return false;
            }
            if (state_[child] == mark::fresh) {
                state_[child] = mark::open;
                way.push_back({child});
            }
        }
        return true;
    }
    void close(std::size_t schema) {
        for (const std::size_t child : graph_[schema]) {
            length_[schema] = std::max(length_[schema], length_[child] + 1);
        }
        state_[schema] = mark::done;
    }

    const reference_graph& graph_;
    std::vector<std::size_t> length_;
    std::vector<mark> state_;
};

}  // namespace

const nlohmann::ordered_json* find_local(const nlohmann::ordered_json& root, std::string_view text) {
    if (text.empty() || text.front() != '#') {
        return nullptr;
    }
    const std::string pointer = decoded(text.substr(1));
    const nlohmann::ordered_json* at = &root;
    std::size_t from = 0;
    while (at != nullptr && from < pointer.size()) {
        if (pointer[from] != '/') {
            return nullptr;
        }
        const std::size_t end = std::min(pointer.find('/', from + 1), pointer.size());
        at = member(*at, unescaped(std::string_view(pointer).substr(from + 1, end - from - 1)));
        from = end;
    }
    return at;
}

std::optional<std::size_t> endless_reference(const reference_graph& graph) {
    return chain_search(graph).run();
}

}  // namespace corral::chat
