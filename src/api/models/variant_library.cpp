#include "corral/api/variant_library.hpp"

#include <algorithm>
#include <functional>
#include <optional>
#include <utility>

#include <boost/asio/ip/address.hpp>

#include "api/models/model_parameters.hpp"
#include "api/models/variant_document.hpp"
#include "corral/catalog/model_name.hpp"
#include "corral/catalog/package_survey.hpp"
#include "corral/core/say.hpp"
#include "corral/core/text.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::api {

using content_pointer = std::shared_ptr<const generation::model_variant>;

struct variant_library::entry : variant_head {
    std::uint64_t bytes = 0;                              // of its document
    content_pointer content;                              // nullptr: on the disk
    std::weak_ptr<const generation::model_variant> lent;  // read for requests that are on their way
    std::string digest;
    std::string below;  // the digest of the model below that it speaks of
};

namespace {

// Of a key, not of an address.
bool is_of_a_key(std::string_view client) {
    core::error_code is_name;
    static_cast<void>(core::asio::ip::make_address(client.substr(0, client.find('/')), is_name));
    return !client.empty() && is_name;
}

core::failure is_of_another_key(const std::string& name) {
    return core::make_failure(core::errc::refused, core::say("request.not-your-model/change", name));
}

core::failure is_the_configurations(const std::string& name) {
    return core::make_failure(core::errc::refused, core::say("request.variant-name/model-belongs", name));
}

std::string key_of(std::string_view name) {
    return core::lower_case(name);
}

// A copy, which adds nothing, has its original's.
std::string digest_of(const std::string& below, const std::string& content) {
    static const std::string nothing = to_text(generation::model_variant{});
    if (content == nothing) {
        return below;
    }
    const auto digest = catalog::sha256_hex(below + "\n" + content);
    return digest ? *digest : below;
}

// Its name, and who serves it; the rest is on the disk.
content_pointer on_the_disk() {
    static const content_pointer one = [] {
        auto made = std::make_shared<generation::model_variant>();
        made->on_disk = true;
        return made;
    }();
    return one;
}

generation::served_model laid_over(const generation::served_model& base, const std::string& name) {
    generation::served_model out;
    out.entry = base.entry;
    out.runtime = base.runtime;
    out.deployment = base.deployment;
    out.instances = base.instances;
    out.tiers = base.tiers;
    out.owned = base.owned;
    out.name = name;
    return out;
}

void tell_left_out(const std::string& what, std::string_view why) {
    telemetry::warn(
        core::say("daemon.variant-left-out/file", telemetry::printable(what), telemetry::printable(why)));
}

// Said once, when the variant comes: each of its requests would have the same to say.
void tell_unused(const std::string& model, const generation::model_variant& content) {
    for (const std::string& name : unused_parameters(content.parameters)) {
        telemetry::log().info("model {}: its parameter {} has no effect with this runtime", model, name);
    }
}

// The system's words name a folder of this box; they are its operator's, and the client is told `instead`.
core::failure not_stored(const std::string& model, core::failure why, core::known_wording<> instead) {
    if (why.code.category() == boost::system::system_category()) {
        telemetry::warn(why.message, "model {}: {}", model, telemetry::printable(why.message, 500));
        why.message = core::say(instead);
    }
    return why;
}

// What comes of reading one beside the loop.
struct reading {
    content_pointer content;  // where it was asked for
    std::string digest;
};

core::result<reading> read_text(core::result<std::string> text, const std::string& below,
                                bool wants_content) {
    if (!text) {
        return text.error();
    }
    reading out;
    const std::string plain = variant_content_text(*text);
    if (!wants_content && !plain.empty()) {
        out.digest = digest_of(below, plain);
        return out;
    }
    auto document = read_variant_document(*text);
    if (!document) {
        return document.error();
    }
    out.digest = digest_of(below, to_text(document->content));
    out.content = std::make_shared<const generation::model_variant>(std::move(document->content));
    return out;
}

}  // namespace

// So that no other key takes a name whose first document is still being written.
class variant_library::claim {
public:
    claim(std::multimap<std::string, std::string>& on, std::string_view name, const std::string& client)
        : on_(on), at_(on.emplace(key_of(name), client)) {}
    claim(const claim&) = delete;
    claim& operator=(const claim&) = delete;
    ~claim() { on_.erase(at_); }

private:
    std::multimap<std::string, std::string>& on_;
    std::multimap<std::string, std::string>::iterator at_;
};

bool is_configured(const generation::model_directory& models, std::string_view typed) {
    const generation::served found = models.find(typed);
    return found != nullptr && found->variant == nullptr;
}

variant_caller variant_caller_of(const http::request& incoming) {
    return {incoming.client, !incoming.owner.empty(), incoming.may_operate};
}

variant_library::variant_library(generation::model_directory& models, catalog::variant_store& store,
                                 core::task_group& tasks)
    : models_(models), store_(store), tasks_(tasks) {
    models_.read_with([this](generation::served model) { return read_for_request(std::move(model)); });
}

variant_library::~variant_library() {
    models_.read_with(nullptr);
}

void variant_library::load() {
    for (const std::string& warning : store_.warnings()) {
        telemetry::warn(core::say("daemon.variant-left-out/left-out", telemetry::printable(warning, 500)));
    }
    for (const catalog::variant_store::file& each : store_.take_found()) {
        entry found;
        found.bytes = each.size;
        if (each.whole()) {
            auto document = read_variant_document(each.head);
            if (!document) {
                leave_out(each.file_name, document.error());
                continue;
            }
            static_cast<variant_head&>(found) = *document;
            found.content = std::make_shared<const generation::model_variant>(std::move(document->content));
        } else if (auto head = read_variant_head(each.head)) {
            static_cast<variant_head&>(found) = *std::move(head);
        } else {
            unnamed_.emplace_back(each.file_name, each.size);
            read_later();
            continue;
        }
        add_found(each.file_name, std::move(found));
    }
}

void variant_library::leave_out(const std::string& file, const core::failure& why) {
    tell_left_out(file, why.message);
    if (why.code == core::errc::refused) {
        store_.leave_alone(file);
    }
}

void variant_library::add_found(const std::string& file, entry found) {
    if (catalog::variant_store::file_name(found.name) != file) {
        tell_left_out(file, "it is not the file of the model " + found.name);
        return;
    }
    store_.belongs_to(file, found.client);
    if (!is_configured(models_, found.from)) {
        tell_left_out(file, "the model " + found.from + " below " + found.name + " is not served");
    }
    add(std::move(found));
}

variant_library::entry* variant_library::find(std::string_view name) {
    const auto found = entries_.find(key_of(name));
    return found == entries_.end() ? nullptr : &found->second;
}

void variant_library::add(entry one) {
    drop(one.name);
    in_memory_ += one.content ? one.bytes : 0;
    if (one.content) {
        tell_unused(one.name, *one.content);
    }
    offer(entries_.emplace(key_of(one.name), std::move(one)).first->second);
}

void variant_library::drop(std::string_view name) {
    const auto found = entries_.find(key_of(name));
    if (found != entries_.end()) {
        in_memory_ -= found->second.content ? found->second.bytes : 0;
        unread_.erase(found->first);
        entries_.erase(found);
    }
}

// Into the directory, where the model below it is there and its name is free.
void variant_library::offer(entry& one) {
    const generation::served base = models_.find(one.from);
    if (base == nullptr || base->variant != nullptr) {
        return;
    }
    if (is_configured(models_, one.name)) {
        telemetry::warn(core::say("daemon.variant-left-out/configured", one.name));
        return;
    }
    const std::string& below = base->entry->digest;
    if (one.digest.empty() || one.below != below) {
        if (one.content && one.bytes <= store_.limits().head_bytes) {
            one.digest = digest_of(below, to_text(*one.content));
            one.below = below;
        } else {
            unread_.insert(key_of(one.name));
            read_later();
        }
    }
    generation::served_model model = laid_over(*base, one.name);
    model.digest = !one.digest.empty() ? one.digest : digest_of(below, one.name);
    model.modified = one.modified;
    model.variant = one.content ? one.content : on_the_disk();
    models_.put(std::move(model));
}

void variant_library::read_later() {
    if (!reading_) {
        reading_ = true;
        tasks_.spawn("models made by clients", read_rest());
    }
}

core::awaitable<void> variant_library::read_rest() {
    while (!unnamed_.empty()) {
        auto [file, bytes] = std::move(unnamed_.back());
        unnamed_.pop_back();
        co_await read_unnamed(std::move(file), bytes);
    }
    while (!unread_.empty()) {
        std::string name = unread_.extract(unread_.begin()).value();
        co_await read_one(std::move(name));
    }
    reading_ = false;
}

// Whose beginning does not tell what it is.
core::awaitable<void> variant_library::read_unnamed(std::string file, std::uint64_t bytes) {
    std::function<core::result<variant_document>()> todo = [store = &store_,
                                                            file]() -> core::result<variant_document> {
        const auto text = store->document(file);
        return text ? read_variant_document(*text) : text.error();
    };
    core::result<variant_document> got = co_await store_.work(std::move(todo));
    if (!got) {
        leave_out(file, got.error());
        co_return;
    }
    entry found;
    static_cast<variant_head&>(found) = *got;
    found.bytes = bytes;
    if (in_memory_ + bytes <= store_.limits().all_bytes) {
        found.content = std::make_shared<const generation::model_variant>(std::move(got->content));
    }
    if (find(found.name) == nullptr) {
        add_found(file, std::move(found));
    }
}

// Its digest, and its content while there is room in memory.
core::awaitable<void> variant_library::read_one(std::string name) {
    entry* one = find(name);
    const generation::served base = one == nullptr ? nullptr : models_.find(one->from);
    if (base == nullptr || base->variant != nullptr) {
        co_return;
    }
    const auto modified = one->modified;
    const std::string below = base->entry->digest;
    const bool wants = !one->content && in_memory_ + one->bytes <= store_.limits().all_bytes;
    std::function<core::result<reading>()> todo;
    if (one->content) {
        todo = [content = one->content, below]() -> core::result<reading> {
            return reading{nullptr, digest_of(below, to_text(*content))};
        };
    } else {
        todo = [store = &store_, file = catalog::variant_store::file_name(one->name), below, wants] {
            return read_text(store->document(file), below, wants);
        };
    }
    core::result<reading> got = co_await store_.work(std::move(todo));
    one = find(name);
    if (one == nullptr || one->modified != modified) {
        co_return;  // another has taken its place
    }
    if (!got) {
        tell_left_out(one->name, got.error().message);
        if (!is_configured(models_, one->name)) {
            models_.remove(one->name);
        }
        drop(name);
        co_return;
    }
    one->digest = std::move(got->digest);
    one->below = below;
    if (got->content && !one->content) {
        one->content = std::move(got->content);
        in_memory_ += one->bytes;
        tell_unused(one->name, *one->content);
    }
    offer(*one);
}

core::awaitable<generation::served> variant_library::read_for_request(generation::served model) {
    entry* one = find(model->name);
    if (one == nullptr) {
        co_return nullptr;
    }
    content_pointer content = one->content ? one->content : one->lent.lock();
    if (content == nullptr) {
        std::function<core::result<reading>()> todo =
            [store = &store_, file = catalog::variant_store::file_name(model->name)] {
                return read_text(store->document(file), {}, true);
            };
        core::result<reading> got = co_await store_.work(std::move(todo));
        if (!got) {
            telemetry::error(got.error().message, "model {}: {}", model->name,
                             telemetry::printable(got.error().message, 500));
            co_return nullptr;
        }
        content = std::move(got->content);
        one = find(model->name);
        if (one != nullptr) {
            one->lent = content;
        }
    }
    // It holds `model`, by which its backends are held.
    auto whole = std::make_shared<std::pair<generation::served, generation::served_model>>(model, *model);
    whole->second.variant = std::move(content);
    co_return generation::served(whole, &whole->second);
}

void variant_library::set_aside(std::string_view name) {
    models_.remove_all([&](const generation::served_model& each) {
        const bool is = each.variant != nullptr && catalog::same_model(each.entry->name, name);
        if (is) {
            telemetry::warn(core::say("daemon.variant-left-out/below", each.name, each.entry->name));
        }
        return is;
    });
}

void variant_library::follow(std::string_view name) {
    const generation::served base = models_.find(name);
    if (base == nullptr || base->variant != nullptr) {
        return;
    }
    const std::string key = key_of(base->entry->name);
    for (auto& [own, each] : entries_) {
        if (key_of(each.from) == key) {
            offer(each);
        }
    }
}

bool variant_library::is_closed_to(const variant_caller& caller, std::string_view name) const {
    if (!caller.by_key || caller.operates) {
        return false;
    }
    const auto is_others = [&](const std::string& client) {
        return client != caller.client && is_of_a_key(client);
    };
    const std::string key = key_of(name);
    const auto found = entries_.find(key);
    const auto [first, last] = coming_.equal_range(key);
    return (found != entries_.end() && is_others(found->second.client)) ||
           std::any_of(first, last, [&](const auto& each) { return is_others(each.second); });
}

core::awaitable<core::result<void>> variant_library::keep(std::string name, generation::served base,
                                                          generation::model_variant content,
                                                          variant_caller caller) {
    if (is_configured(models_, name)) {
        co_return is_the_configurations(models_.find(name)->name);
    }
    if (is_closed_to(caller, name)) {
        co_return is_of_another_key(name);
    }
    const claim mine(coming_, name, caller.client);
    entry made;
    made.name = std::move(name);
    made.from = base->entry->name;
    made.client = std::move(caller.client);
    made.modified = std::chrono::system_clock::now();
    made.below = base->entry->digest;
    made.content = std::make_shared<const generation::model_variant>(std::move(content));
    using texts = std::pair<std::string, std::string>;  // of the document, and its digest
    std::function<core::result<texts>()> write = [head = static_cast<const variant_head&>(made),
                                                  what = made.content,
                                                  below = made.below]() -> core::result<texts> {
        return texts(to_text(head, *what), digest_of(below, to_text(*what)));
    };
    core::result<texts> written = co_await store_.work(std::move(write));
    if (!written) {
        co_return written.error();
    }
    made.bytes = written->first.size();
    made.digest = std::move(written->second);
    std::string key = made.name;
    std::string owner = made.client;
    core::result<void> saved =
        co_await store_.save(std::move(key), std::move(written->first), std::move(owner));
    if (!saved) {
        co_return not_stored(made.name, saved.error(), "request.variant-unreadable/written");
    }
    drop(made.name);
    if (in_memory_ + made.bytes > store_.limits().all_bytes) {
        made.content = nullptr;
    }
    add(std::move(made));
    co_return saved;
}

core::awaitable<core::result<void>> variant_library::forget(std::string name, variant_caller caller) {
    const generation::served found = models_.find(name);
    if (found == nullptr) {
        co_return core::make_failure(core::errc::not_found, core::say("request.variant-name/model-name"));
    }
    if (found->variant == nullptr) {
        co_return is_the_configurations(found->name);
    }
    if (is_closed_to(caller, found->name)) {
        co_return is_of_another_key(found->name);
    }
    std::string key = found->name;
    core::result<void> removed = co_await store_.remove(std::move(key));
    const bool gone = removed || removed.error().code == boost::system::errc::no_such_file_or_directory;
    if (!gone) {
        co_return not_stored(found->name, removed.error(), "request.variant-unreadable/removed");
    }
    drop(found->name);
    models_.remove(found->name);
    co_return core::result<void>();
}

}  // namespace corral::api
