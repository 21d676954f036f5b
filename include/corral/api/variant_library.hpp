#pragma once
// Models that clients made of others: in the directory while they can be served, and on the disk for the next
// start. Their content is in memory as far as the store's bound for all of them goes; what is found beyond it is
// read for each request that needs it.

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "corral/catalog/variant_store.hpp"
#include "corral/core/async.hpp"
#include "corral/core/result.hpp"
#include "corral/core/task_group.hpp"
#include "corral/generation/model_directory.hpp"
#include "corral/http/message.hpp"

namespace corral::api {

// Who makes a model, or does something with one. One who asks by key may only use those that were made with another,
// unless the key operates the box; what was made without any key is everybody's.
struct variant_caller {
    std::string client;
    bool by_key = false;
    bool operates = false;
};
[[nodiscard]] variant_caller variant_caller_of(const http::request& incoming);

class variant_library {
public:
    // All are borrowed and outlive the library.
    variant_library(generation::model_directory& models, catalog::variant_store& store,
                    core::task_group& tasks);
    variant_library(const variant_library&) = delete;
    variant_library& operator=(const variant_library&) = delete;
    ~variant_library();

    // Puts what the store found into the directory; longer documents are read afterwards, beside the loop. A
    // document that can't be used, whose name the configuration took, or whose model is not served, stays on
    // disk and is named in the log.
    void load();

    // The configured model `name` is in the directory, new or in the place of another: its variants are laid
    // over it, those included that waited for it to be served.
    void follow(std::string_view name);
    // The configured model `name` left the directory: its variants leave it too, until follow().
    void set_aside(std::string_view name);

    // Serves `content` over the model below `base` as `name` (display form), once it is on disk; in the place
    // of a variant of that name. Failures: errc::refused for the name of a configured model or one that is closed
    // to the caller, those of variant_store::save().
    [[nodiscard]] core::awaitable<core::result<void>> keep(std::string name, generation::served base,
                                                           generation::model_variant content,
                                                           variant_caller caller);

    // Deletes a variant. Failures: errc::refused for a configured model and one that is closed to the caller,
    // errc::not_found.
    [[nodiscard]] core::awaitable<core::result<void>> forget(std::string name, variant_caller caller);

    // True for a variant whose texts the caller may neither see, copy, replace nor delete.
    [[nodiscard]] bool is_closed_to(const variant_caller& caller, std::string_view name) const;

private:
    struct entry;
    class claim;
    [[nodiscard]] entry* find(std::string_view name);
    void add(entry one);
    void drop(std::string_view name);
    void offer(entry& one);
    // The file stays; one of a newer format for good.
    void leave_out(const std::string& file, const core::failure& why);
    void add_found(const std::string& file, entry found);
    void read_later();
    [[nodiscard]] core::awaitable<void> read_rest();
    [[nodiscard]] core::awaitable<void> read_unnamed(std::string file, std::uint64_t bytes);
    [[nodiscard]] core::awaitable<void> read_one(std::string name);
    [[nodiscard]] core::awaitable<generation::served> read_for_request(generation::served model);

    generation::model_directory& models_;
    catalog::variant_store& store_;
    core::task_group& tasks_;
    std::map<std::string, entry> entries_;  // by name in lower case
    std::multimap<std::string, std::string>
        coming_;                    // the clients of those that are on their way to the disk
    std::uint64_t in_memory_ = 0;   // bytes of the documents whose content is
    std::set<std::string> unread_;  // names whose digest is not that of their content yet
    std::vector<std::pair<std::string, std::uint64_t>> unnamed_;  // files and their bytes
    bool reading_ = false;
};

// True when `typed` names a model of the configuration, which no client may change.
[[nodiscard]] bool is_configured(const generation::model_directory& models, std::string_view typed);

}  // namespace corral::api
