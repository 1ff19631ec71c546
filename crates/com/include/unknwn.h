/* IUnknown, and the macros with which an interface is written once for C and for C++.
 *
 * In C++ an interface is a struct of pure virtual methods, in C a struct whose lpVtbl points to a table of functions. Both have the same
 * vtable: the methods in the order of the declaration, the base's first. No interface has a destructor: it would take two slots. */
#ifndef BGCOPY_UNKNWN_H
#define BGCOPY_UNKNWN_H

#include "guiddef.h"
#include "windef.h"
#include "winerror.h"

#ifndef interface
#define interface struct
#endif
#define STDMETHODCALLTYPE __stdcall
#define STDAPICALLTYPE __stdcall
#define STDAPI EXTERN_C HRESULT STDAPICALLTYPE
#define STDAPI_(type) EXTERN_C type STDAPICALLTYPE
#define STDMETHODIMP HRESULT STDMETHODCALLTYPE
#define STDMETHODIMP_(type) type STDMETHODCALLTYPE
#define IFACEMETHODIMP STDMETHODIMP
#define IFACEMETHODIMP_(type) STDMETHODIMP_(type)
#define CONST_VTBL const

#if defined(__cplusplus) && !defined(CINTERFACE)
#define STDMETHOD(method) virtual HRESULT STDMETHODCALLTYPE method
#define STDMETHOD_(type, method) virtual type STDMETHODCALLTYPE method
#define IFACEMETHOD(method) STDMETHOD(method)
#define IFACEMETHOD_(type, method) STDMETHOD_(type, method)
#define PURE = 0
#define THIS_
#define THIS void
#define DECLARE_INTERFACE(iface) struct iface
#define DECLARE_INTERFACE_(iface, base) struct iface : public base
/* The methods of the bases, which only a table in C has to repeat. */
#define BGCOPY_INHERIT(methods)
#else
#define STDMETHOD(method) HRESULT(STDMETHODCALLTYPE *method)
#define STDMETHOD_(type, method) type(STDMETHODCALLTYPE *method)
#define PURE
#define THIS_ INTERFACE *This,
#define THIS INTERFACE *This
#define DECLARE_INTERFACE(iface)                                                                                       \
    typedef struct iface iface;                                                                                        \
    typedef struct iface##Vtbl iface##Vtbl;                                                                            \
    struct iface {                                                                                                     \
        CONST_VTBL struct iface##Vtbl *lpVtbl;                                                                         \
    };                                                                                                                 \
    struct iface##Vtbl
#define DECLARE_INTERFACE_(iface, base) DECLARE_INTERFACE(iface)
#define BGCOPY_INHERIT(methods) methods
#endif

/* __uuidof takes an interface, a class or an expression of such a type. */
#ifdef __cplusplus
template <typename T> const GUID &bgcopy_uuid();
#ifndef __CRT_UUID_DECL
#define __CRT_UUID_DECL(type, d1, d2, d3, a, b, c, d, e, f, g, h)                                                       \
    template <> inline const GUID &bgcopy_uuid<type>() {                                                               \
        static const GUID id = {d1, d2, d3, {a, b, c, d, e, f, g, h}};                                                 \
        return id;                                                                                                     \
    }
#endif
#ifndef __uuidof
#define __uuidof(type) bgcopy_uuid<__typeof__(type)>()
#endif
template <typename T> inline void **bgcopy_ppv(T **object) { return reinterpret_cast<void **>(object); }
#define IID_PPV_ARGS(object) __uuidof(**(object)), bgcopy_ppv(object)
#define BGCOPY_INTERFACE_ID(iface, ...)                                                                                \
    DEFINE_GUID(IID_##iface, __VA_ARGS__);                                                                             \
    struct iface;                                                                                                      \
    __CRT_UUID_DECL(iface, __VA_ARGS__)
#define BGCOPY_CLASS_ID(coclass, ...)                                                                                  \
    DEFINE_GUID(CLSID_##coclass, __VA_ARGS__);                                                                         \
    class coclass;                                                                                                     \
    __CRT_UUID_DECL(coclass, __VA_ARGS__)
#else
#define BGCOPY_INTERFACE_ID(iface, ...) DEFINE_GUID(IID_##iface, __VA_ARGS__);
#define BGCOPY_CLASS_ID(coclass, ...) DEFINE_GUID(CLSID_##coclass, __VA_ARGS__);
#endif

DEFINE_GUID(GUID_NULL, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
DEFINE_GUID(IID_NULL, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
BGCOPY_INTERFACE_ID(IUnknown, 0x00000000, 0x0000, 0x0000, 0xc0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x46)

#define BGCOPY_UNKNOWN_METHODS                                                                                         \
    STDMETHOD(QueryInterface)(THIS_ REFIID riid, void **ppvObject) PURE;                                               \
    STDMETHOD_(ULONG, AddRef)(THIS) PURE;                                                                              \
    STDMETHOD_(ULONG, Release)(THIS) PURE;

#undef INTERFACE
#define INTERFACE IUnknown
DECLARE_INTERFACE(IUnknown) {
    BGCOPY_UNKNOWN_METHODS
#if defined(__cplusplus) && !defined(CINTERFACE)
    template <typename T> HRESULT QueryInterface(T **object) { return QueryInterface(IID_PPV_ARGS(object)); }
#endif
};
typedef IUnknown *LPUNKNOWN;

#undef INTERFACE

#ifdef COBJMACROS
#define IUnknown_QueryInterface(p, riid, ppv) (p)->lpVtbl->QueryInterface(p, riid, ppv)
#define IUnknown_AddRef(p) (p)->lpVtbl->AddRef(p)
#define IUnknown_Release(p) (p)->lpVtbl->Release(p)
#endif

#endif
