#include "pull/fetcher.hpp"

#include <array>

#include <dlfcn.h>

#include "corral/core/say.hpp"

namespace corral::pull {

namespace {

template <typename Function>
bool find(void* library, const char* name, Function& to) {
    to = reinterpret_cast<Function>(::dlsym(library, name));  // NOLINT: the only way
    return to != nullptr;
}

bool find_all(void* library, curl_api& to) {
    return find(library, "curl_global_init", to.global_init) &&
           find(library, "curl_easy_init", to.easy_init) &&
           find(library, "curl_easy_setopt", to.easy_setopt) &&
           find(library, "curl_easy_perform", to.easy_perform) &&
           find(library, "curl_easy_getinfo", to.easy_getinfo) &&
           find(library, "curl_easy_cleanup", to.easy_cleanup) &&
           find(library, "curl_easy_reset", to.easy_reset) &&
           find(library, "curl_easy_strerror", to.easy_strerror) &&
           find(library, "curl_slist_append", to.slist_append) &&
           find(library, "curl_slist_free_all", to.slist_free_all);
}

}  // namespace

core::result<const curl_api*> load_curl() {
    static curl_api loaded;
    static bool good = false;
    if (good) {
        return &loaded;
    }
    // By OpenSSL, which Corral has anyway; else the one by GnuTLS.
    static constexpr std::array<const char*, 2> names{"libcurl.so.4", "libcurl-gnutls.so.4"};
    for (const char* const name : names) {
        void* const library = ::dlopen(name, RTLD_NOW | RTLD_LOCAL);
        if (library != nullptr && find_all(library, loaded) &&
            loaded.global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK) {
            good = true;
            return &loaded;
        }
    }
    return core::make_failure(core::errc::unavailable, core::say("pull.library/libcurl-installed"));
}

}  // namespace corral::pull
