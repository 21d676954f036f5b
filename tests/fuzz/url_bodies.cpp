// Boost.URL, for targets of which a file reads URLs.
#include <boost/url/src.hpp>
