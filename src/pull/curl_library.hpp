#pragma once
// libcurl, loaded where something is fetched and nowhere else: the daemon is spared the thirty libraries that it needs.

#include <curl/curl.h>

#include "corral/core/result.hpp"

namespace corral::pull {

struct curl_api {
    decltype(&::curl_global_init) global_init = nullptr;
    decltype(&::curl_easy_init) easy_init = nullptr;
    decltype(&::curl_easy_setopt) easy_setopt = nullptr;
    decltype(&::curl_easy_perform) easy_perform = nullptr;
    decltype(&::curl_easy_getinfo) easy_getinfo = nullptr;
    decltype(&::curl_easy_cleanup) easy_cleanup = nullptr;
    decltype(&::curl_easy_reset) easy_reset = nullptr;
    decltype(&::curl_easy_strerror) easy_strerror = nullptr;
    decltype(&::curl_slist_append) slist_append = nullptr;
    decltype(&::curl_slist_free_all) slist_free_all = nullptr;
};

// Once, before the first thread; it stays loaded. Fails with a sentence where it is not installed.
[[nodiscard]] core::result<const curl_api*> load_curl();

}  // namespace corral::pull
