#include "chat/format/schema_plan.hpp"

#include <algorithm>

#include <boost/url/pct_string_view.hpp>

namespace corral::chat {

namespace {

constexpr std::size_t longest_chain = 24;

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

bool deeper_than(const nlohmann::ordered_json& value, unsigned levels) {
    if (!value.is_structured()) {
        return false;
    }
    return levels == 0 || std::ranges::any_of(value, [levels](const nlohmann::ordered_json& each) {
               return deeper_than(each, levels - 1);
           });
}

const nlohmann::ordered_json* find_local(const nlohmann::ordered_json& root, std::string_view text) {
    if (!text.starts_with('#')) {
        return nullptr;
    }
    // A pointer in a fragment is percent-encoded.
    const auto encoded = boost::urls::make_pct_string_view(text.substr(1));
    if (!encoded) {
        return nullptr;
    }
    try {
        const nlohmann::ordered_json::json_pointer pointer(encoded->decode());
        return root.contains(pointer) ? &root.at(pointer) : nullptr;
    } catch (const nlohmann::json::exception&) {
        return nullptr;  // no JSON pointer, or an index beyond all bounds
    }
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

void spread_to_parents(const reference_graph& graph, std::vector<bool>& marked) {
    reference_graph parents(graph.size());
    std::vector<std::size_t> spreads;
    for (std::size_t schema = 0; schema < graph.size(); ++schema) {
        for (const std::size_t child : graph[schema]) {
            parents[child].push_back(schema);
        }
        if (marked[schema]) {
            spreads.push_back(schema);
        }
    }
    while (!spreads.empty()) {
        const std::size_t schema = spreads.back();
        spreads.pop_back();
        for (const std::size_t parent : parents[schema]) {
            if (!marked[parent]) {
                marked[parent] = true;
                spreads.push_back(parent);
            }
        }
    }
}

}  // namespace corral::chat
