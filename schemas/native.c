/* Reads and writes Avro by a plan of plan.py, several times as fast as the Python of decoder.py and encoder.py.
 *
 * It handles only what is in order. At the first doubt (a byte too few, a number too long, a symbol without meaning, a value of
 * another type) it gives up and calls the Python function with the same arguments, which says what is wrong or knows better.
 * So there is one set of error messages, and one reference of what a message means.
 */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define FIELDS_MAX 64  /* a struct's; a wider record stays in Python */
#define DEPTH_MAX 32

typedef enum {
    IS_NULL, IS_REFUSED, IS_BOOLEAN, IS_INT, IS_LONG, IS_INT_AS_FLOAT, IS_LONG_AS_FLOAT, IS_FLOAT, IS_DOUBLE,
    IS_TEXT, IS_RAW, IS_AMOUNT, IS_FIXED, IS_ENUM, IS_UNION, IS_ARRAY, IS_MAP, IS_RECORD, KINDS
} Kind;

static const char *const KIND_NAMES[KINDS] = {
    "null", "refused", "boolean", "int", "long", "int_as_float", "long_as_float", "float", "double",
    "text", "raw", "amount", "fixed", "enum", "union", "array", "map", "record",
};

typedef struct Node {
    Kind kind;
    Py_ssize_t count;       /* parts; bytes of a fixed */
    struct Node *parts;     /* fields, branches, items */
    int *arguments;         /* a record's field: which argument of the struct it is, -1: dropped */
    PyObject *object;       /* an enum's symbols, the value of an amount's last digit, a record's struct (NULL: it is dropped) */
    PyObject *names;        /* a record: of its fields */
    PyObject *keywords;     /* a record: names of the arguments after the positional ones, or NULL */
    Py_ssize_t positional;
    Py_ssize_t given;       /* a record: arguments in all */
} Node;

typedef struct {
    const unsigned char *at;
    const unsigned char *end;
    PyObject *multiply;
} Cursor;

/* ---- reading: a new reference, or NULL for whatever is not in order ---- */

static int read_varint(Cursor *in, int64_t *value)
{
    uint64_t raw = 0;
    for (int shift = 0; shift < 64; shift += 7) {
        if (in->at == in->end)
            return 0;
        unsigned char byte = *in->at++;
        if (shift == 63 && byte > 1)
            return 0;
        raw |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *value = (int64_t)(raw >> 1) ^ -(int64_t)(raw & 1);
            return 1;
        }
    }
    return 0;
}

static const unsigned char *take(Cursor *in, Py_ssize_t size)
{
    if (size < 0 || size > in->end - in->at)
        return NULL;
    const unsigned char *taken = in->at;
    in->at += size;
    return taken;
}

static const unsigned char *take_counted(Cursor *in, Py_ssize_t *size)
{
    int64_t length;
    if (!read_varint(in, &length) || length < 0 || length > in->end - in->at)
        return NULL;
    *size = (Py_ssize_t)length;
    return take(in, *size);
}

static PyObject *read_text(Cursor *in)
{
    Py_ssize_t size;
    const unsigned char *text = take_counted(in, &size);
    return text == NULL ? NULL : PyUnicode_DecodeUTF8((const char *)text, size, NULL);
}

/* A decimal's two's complement, times the value of its last digit. */
static PyObject *read_amount(const Node *node, Cursor *in)
{
    Py_ssize_t size;
    const unsigned char *bytes = take_counted(in, &size);
    if (bytes == NULL || size > 8)
        return NULL;
    uint64_t digits = size > 0 && bytes[0] & 0x80 ? UINT64_MAX : 0;
    for (Py_ssize_t index = 0; index < size; index++)
        digits = digits << 8 | bytes[index];
    PyObject *given[3] = {NULL, PyLong_FromLongLong((int64_t)digits), node->object};
    if (given[1] == NULL)
        return NULL;
    PyObject *amount = PyObject_Vectorcall(in->multiply, given + 1, 2 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
    Py_DECREF(given[1]);
    return amount;
}

/* Items in the next block of an array or map; 0 ends it, -1 is out of order. An item takes a byte at least. */
static Py_ssize_t read_block(Cursor *in)
{
    int64_t count, size;
    if (!read_varint(in, &count))
        return -1;
    if (count < 0) {
        if (count < -(int64_t)PY_SSIZE_T_MAX || !read_varint(in, &size) || size < 0)
            return -1;
        count = -count;
    }
    return count > in->end - in->at ? -1 : (Py_ssize_t)count;
}

static PyObject *read_value(const Node *node, Cursor *in);

static PyObject *read_array(const Node *node, Cursor *in)
{
    PyObject *list = PyList_New(0);
    Py_ssize_t count = -1;
    while (list != NULL && (count = read_block(in)) > 0) {
        for (; count > 0; count--) {
            PyObject *item = read_value(node->parts, in);
            int appended = item != NULL && PyList_Append(list, item) == 0;
            Py_XDECREF(item);
            if (!appended) {
                Py_DECREF(list);
                return NULL;
            }
        }
    }
    if (count < 0)
        Py_CLEAR(list);
    return list;
}

static PyObject *read_map(const Node *node, Cursor *in)
{
    PyObject *map = PyDict_New();
    Py_ssize_t count = -1;
    while (map != NULL && (count = read_block(in)) > 0) {
        for (; count > 0; count--) {
            PyObject *name = read_text(in);
            PyObject *value = name == NULL ? NULL : read_value(node->parts, in);
            int kept = value != NULL && PyDict_SetItem(map, name, value) == 0;
            Py_XDECREF(name);
            Py_XDECREF(value);
            if (!kept) {
                Py_DECREF(map);
                return NULL;
            }
        }
    }
    if (count < 0)
        Py_CLEAR(map);
    return map;
}

static PyObject *read_record(const Node *node, Cursor *in)
{
    PyObject *room[FIELDS_MAX + 1] = {NULL};  /* the first place is for a called function's own use */
    PyObject **given = room + 1;
    PyObject *made = NULL;
    for (Py_ssize_t index = 0; index < node->count; index++) {
        PyObject *value = read_value(&node->parts[index], in);
        if (value == NULL)
            goto done;
        if (node->arguments[index] < 0)
            Py_DECREF(value);
        else
            given[node->arguments[index]] = value;
    }
    if (node->object == NULL)
        made = Py_NewRef(Py_None);
    else
        made = PyObject_Vectorcall(node->object, given, (size_t)node->positional | PY_VECTORCALL_ARGUMENTS_OFFSET, node->keywords);
done:
    for (Py_ssize_t index = 0; index < node->given; index++)
        Py_XDECREF(given[index]);
    return made;
}

static PyObject *read_enum(const Node *node, Cursor *in)
{
    const unsigned char *byte = take(in, 1);
    if (byte == NULL || *byte & 1 || *byte / 2 >= node->count)
        return NULL;
    PyObject *symbol = PyTuple_GET_ITEM(node->object, *byte / 2);
    return symbol == Py_None ? NULL : Py_NewRef(symbol);
}

static PyObject *read_number(const Node *node, Cursor *in)
{
    int64_t value;
    if (!read_varint(in, &value))
        return NULL;
    if ((node->kind == IS_INT || node->kind == IS_INT_AS_FLOAT) && (value < INT32_MIN || value > INT32_MAX))
        return NULL;
    if (node->kind == IS_INT_AS_FLOAT || node->kind == IS_LONG_AS_FLOAT)
        return PyFloat_FromDouble((double)value);
    return PyLong_FromLongLong(value);
}

static PyObject *read_real(const Node *node, Cursor *in)
{
    const unsigned char *bytes = take(in, node->kind == IS_FLOAT ? 4 : 8);
    if (bytes == NULL)
        return NULL;
    double value = node->kind == IS_FLOAT ? PyFloat_Unpack4((const char *)bytes, 1) : PyFloat_Unpack8((const char *)bytes, 1);
    return value == -1.0 && PyErr_Occurred() ? NULL : PyFloat_FromDouble(value);
}

static PyObject *read_value(const Node *node, Cursor *in)
{
    const unsigned char *bytes;
    Py_ssize_t size;
    switch (node->kind) {
    case IS_NULL:
        return Py_NewRef(Py_None);
    case IS_BOOLEAN:
        bytes = take(in, 1);
        return bytes == NULL || *bytes > 1 ? NULL : PyBool_FromLong(*bytes);
    case IS_INT:
    case IS_LONG:
    case IS_INT_AS_FLOAT:
    case IS_LONG_AS_FLOAT:
        return read_number(node, in);
    case IS_FLOAT:
    case IS_DOUBLE:
        return read_real(node, in);
    case IS_TEXT:
        return read_text(in);
    case IS_RAW:
        bytes = take_counted(in, &size);
        return bytes == NULL ? NULL : PyBytes_FromStringAndSize((const char *)bytes, size);
    case IS_AMOUNT:
        return read_amount(node, in);
    case IS_FIXED:
        return take(in, node->count) == NULL ? NULL : Py_NewRef(Py_None);
    case IS_ENUM:
        return read_enum(node, in);
    case IS_UNION:
        bytes = take(in, 1);
        return bytes == NULL || *bytes & 1 || *bytes / 2 >= node->count ? NULL : read_value(&node->parts[*bytes / 2], in);
    case IS_ARRAY:
        return read_array(node, in);
    case IS_MAP:
        return read_map(node, in);
    case IS_RECORD:
        return read_record(node, in);
    default:
        return NULL;  /* IS_REFUSED */
    }
}

/* ---- writing: 1, or 0 for whatever is not in order ---- */

typedef struct {
    unsigned char *bytes;
    Py_ssize_t size;
    Py_ssize_t room;
    unsigned char *own;     /* memory taken when `near` was too small */
    unsigned char near[1024];
    PyObject *amount;
} Out;

static int put(Out *out, const void *bytes, Py_ssize_t size)
{
    if (size > out->room - out->size) {
        if (size > PY_SSIZE_T_MAX / 4 - out->size)
            return 0;
        Py_ssize_t room = 2 * (out->size + size);
        unsigned char *more = PyMem_Realloc(out->own, (size_t)room);
        if (more == NULL)
            return 0;
        if (out->own == NULL)
            memcpy(more, out->near, (size_t)out->size);
        out->own = out->bytes = more;
        out->room = room;
    }
    memcpy(out->bytes + out->size, bytes, (size_t)size);
    out->size += size;
    return 1;
}

static int put_varint(Out *out, int64_t value)
{
    unsigned char bytes[10];
    int size = 0;
    uint64_t raw = ((uint64_t)value << 1) ^ (uint64_t)(value >> 63);
    for (; raw > 0x7f; raw >>= 7)
        bytes[size++] = (unsigned char)(raw | 0x80);
    bytes[size++] = (unsigned char)raw;
    return put(out, bytes, size);
}

static int put_text(Out *out, PyObject *value)
{
    Py_ssize_t size;
    const char *text = PyUnicode_Check(value) ? PyUnicode_AsUTF8AndSize(value, &size) : NULL;
    return text != NULL && put_varint(out, size) && put(out, text, size);
}

static int put_number(const Node *node, PyObject *value, Out *out)
{
    int overflow;
    if (!PyLong_CheckExact(value))
        return 0;
    int64_t number = PyLong_AsLongLongAndOverflow(value, &overflow);
    if (overflow || (node->kind == IS_INT && (number < INT32_MIN || number > INT32_MAX)))
        return 0;
    return put_varint(out, number);
}

static int put_amount(const Node *node, PyObject *value, Out *out)
{
    PyObject *bytes = PyObject_CallFunctionObjArgs(out->amount, value, node->object, NULL);
    int done = bytes != NULL && PyBytes_Check(bytes) && put(out, PyBytes_AS_STRING(bytes), PyBytes_GET_SIZE(bytes));
    Py_XDECREF(bytes);
    return done;
}

static int put_enum(const Node *node, PyObject *value, Out *out)
{
    for (Py_ssize_t number = 0; PyUnicode_Check(value) && number < node->count; number++) {
        PyObject *symbol = PyTuple_GET_ITEM(node->object, number);
        if (symbol == value || (PyUnicode_Check(symbol) && PyUnicode_Compare(symbol, value) == 0))
            return put_varint(out, number);
    }
    return 0;
}

static int put_value(const Node *node, PyObject *value, Out *out);

/* The branch that is null for None, otherwise the first that is not. */
static int put_union(const Node *node, PyObject *value, Out *out)
{
    for (Py_ssize_t index = 0; index < node->count; index++) {
        if ((node->parts[index].kind == IS_NULL) == (value == Py_None))
            return put_varint(out, index) && put_value(&node->parts[index], value, out);
    }
    return 0;
}

static int put_array(const Node *node, PyObject *value, Out *out)
{
    if (!PyList_CheckExact(value) && !PyTuple_CheckExact(value))
        return 0;
    Py_ssize_t count = PySequence_Fast_GET_SIZE(value);
    if (count > 0 && !put_varint(out, count))
        return 0;
    for (Py_ssize_t index = 0; index < count; index++) {
        if (!put_value(node->parts, PySequence_Fast_GET_ITEM(value, index), out))
            return 0;
    }
    return put_varint(out, 0);
}

static int put_map(const Node *node, PyObject *value, Out *out)
{
    PyObject *name, *item;
    Py_ssize_t position = 0;
    if (!PyDict_CheckExact(value) || (PyDict_GET_SIZE(value) > 0 && !put_varint(out, PyDict_GET_SIZE(value))))
        return 0;
    while (PyDict_Next(value, &position, &name, &item)) {
        if (!put_text(out, name) || !put_value(node->parts, item, out))
            return 0;
    }
    return put_varint(out, 0);
}

static int put_record(const Node *node, PyObject *value, Out *out)
{
    for (Py_ssize_t index = 0; index < node->count; index++) {
        PyObject *field = PyObject_GetAttr(value, PyTuple_GET_ITEM(node->names, index));
        int done = field != NULL && put_value(&node->parts[index], field, out);
        Py_XDECREF(field);
        if (!done)
            return 0;
    }
    return 1;
}

static int put_value(const Node *node, PyObject *value, Out *out)
{
    char bytes[8];
    switch (node->kind) {
    case IS_NULL:
        return value == Py_None;
    case IS_BOOLEAN:
        return PyBool_Check(value) && put(out, value == Py_True ? "\1" : "\0", 1);
    case IS_INT:
    case IS_LONG:
        return put_number(node, value, out);
    case IS_DOUBLE:
        return PyFloat_CheckExact(value) && PyFloat_Pack8(PyFloat_AS_DOUBLE(value), bytes, 1) == 0 && put(out, bytes, 8);
    case IS_TEXT:
        return put_text(out, value);
    case IS_AMOUNT:
        return put_amount(node, value, out);
    case IS_ENUM:
        return put_enum(node, value, out);
    case IS_UNION:
        return put_union(node, value, out);
    case IS_ARRAY:
        return put_array(node, value, out);
    case IS_MAP:
        return put_map(node, value, out);
    case IS_RECORD:
        return put_record(node, value, out);
    default:
        return 0;  /* our own schemas have no others */
    }
}

/* ---- plans ---- */

static void clear_node(Node *node)
{
    for (Py_ssize_t index = 0; node->parts != NULL && index < node->count; index++)
        clear_node(&node->parts[index]);
    PyMem_Free(node->parts);
    PyMem_Free(node->arguments);
    Py_CLEAR(node->object);
    Py_CLEAR(node->names);
    Py_CLEAR(node->keywords);
    memset(node, 0, sizeof *node);
}

static int fill_node(Node *node, PyObject *plan, int depth);

static int fill_parts(Node *node, PyObject *plans, int depth)
{
    if (!PyTuple_Check(plans)) {
        PyErr_SetString(PyExc_TypeError, "a plan's parts are a tuple");
        return -1;
    }
    Py_ssize_t count = PyTuple_GET_SIZE(plans);
    node->parts = PyMem_Calloc((size_t)count + 1, sizeof(Node));
    if (node->parts == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    node->count = count;
    for (Py_ssize_t index = 0; index < count; index++) {
        if (fill_node(&node->parts[index], PyTuple_GET_ITEM(plans, index), depth + 1) < 0)
            return -1;
    }
    return 0;
}

/* Record(name, struct, slots) with Slot(name, plan, wanted, following): as many fields as can be are positional arguments. */
static int fill_record(Node *node, PyObject *record, int depth)
{
    PyObject *name, *type, *slots, *names = NULL, *plans = NULL, *positional = NULL, *keywords = NULL;
    int filled = -1;
    if (!PyArg_ParseTuple(record, "OOO!", &name, &type, &PyTuple_Type, &slots))
        return -1;
    Py_ssize_t count = PyTuple_GET_SIZE(slots);
    if ((names = PyTuple_New(count)) == NULL || (plans = PyTuple_New(count)) == NULL || (keywords = PyList_New(0)) == NULL)
        goto done;
    if (type != Py_None && (positional = PyObject_GetAttrString(type, "__match_args__")) == NULL)
        goto done;
    if (positional != NULL && !PyTuple_Check(positional)) {
        PyErr_SetString(PyExc_TypeError, "a record's struct tells its positional arguments");
        goto done;
    }
    node->arguments = PyMem_Calloc((size_t)count + 1, sizeof(int));
    if (node->arguments == NULL) {
        PyErr_NoMemory();
        goto done;
    }
    for (Py_ssize_t index = 0; index < count; index++) {
        PyObject *field, *plan;
        int wanted;
        Py_ssize_t following;
        if (!PyArg_ParseTuple(PyTuple_GET_ITEM(slots, index), "UOpn", &field, &plan, &wanted, &following))
            goto done;
        Py_INCREF(field);
        PyUnicode_InternInPlace(&field);  /* structs look for the very object first */
        PyTuple_SET_ITEM(names, index, field);
        PyTuple_SET_ITEM(plans, index, Py_NewRef(plan));
        node->arguments[index] = -1;
        if (!wanted || type == Py_None)
            continue;
        if (node->given == FIELDS_MAX) {
            PyErr_SetString(PyExc_ValueError, "a record with too many fields");
            goto done;
        }
        node->arguments[index] = (int)node->given;
        if (PyList_GET_SIZE(keywords) == 0 && node->given < PyTuple_GET_SIZE(positional)
            && PyUnicode_Compare(PyTuple_GET_ITEM(positional, node->given), field) == 0)
            node->positional++;
        else if (PyList_Append(keywords, field) < 0)
            goto done;
        node->given++;
    }
    if (PyList_GET_SIZE(keywords) > 0 && (node->keywords = PyList_AsTuple(keywords)) == NULL)
        goto done;
    node->names = Py_NewRef(names);
    node->object = type == Py_None ? NULL : Py_NewRef(type);
    filled = fill_parts(node, plans, depth);
done:
    Py_XDECREF(names);
    Py_XDECREF(plans);
    Py_XDECREF(positional);
    Py_XDECREF(keywords);
    return filled;
}

static int fill_node(Node *node, PyObject *plan, int depth)
{
    const char *kind;
    PyObject *detail;
    if (depth > DEPTH_MAX) {
        PyErr_SetString(PyExc_ValueError, "a plan that is too deep");
        return -1;
    }
    if (!PyTuple_Check(plan)) {
        PyErr_SetString(PyExc_TypeError, "a plan is a tuple");
        return -1;
    }
    if (!PyArg_ParseTuple(plan, "sO", &kind, &detail))
        return -1;
    for (node->kind = 0; node->kind < KINDS && strcmp(KIND_NAMES[node->kind], kind) != 0; node->kind++) {
    }
    switch (node->kind) {
    case IS_AMOUNT:
        node->object = Py_NewRef(detail);
        return 0;
    case IS_FIXED:
        node->count = PyLong_AsSsize_t(detail);
        return node->count == -1 && PyErr_Occurred() ? -1 : 0;
    case IS_ENUM:
        if (!PyTuple_Check(detail)) {
            PyErr_SetString(PyExc_TypeError, "an enum's symbols are a tuple");
            return -1;
        }
        node->object = Py_NewRef(detail);
        node->count = PyTuple_GET_SIZE(detail);
        return 0;
    case IS_UNION:
        return fill_parts(node, detail, depth);
    case IS_ARRAY:
    case IS_MAP: {
        PyObject *single = PyTuple_Pack(1, detail);
        int filled = single == NULL ? -1 : fill_parts(node, single, depth);
        Py_XDECREF(single);
        return filled;
    }
    case IS_RECORD:
        return fill_record(node, detail, depth);
    case KINDS:
        PyErr_Format(PyExc_ValueError, "a plan of kind %s", kind);
        return -1;
    default:
        return 0;
    }
}

/* ---- as Python sees it ---- */

typedef struct {
    PyObject_HEAD
    vectorcallfunc call;
    Node root;
    PyObject *reference;
    PyObject *amount;       /* decoding: digits, value of the last one → Decimal; encoding: Decimal, the same → bytes */
} Walker;

static PyObject *decode(PyObject *callable, PyObject *const *given, size_t count, PyObject *names)
{
    Walker *self = (Walker *)callable;
    Py_ssize_t start;
    if (PyVectorcall_NARGS(count) != 2 || names != NULL || !PyBytes_CheckExact(given[0])
        || ((start = PyLong_AsSsize_t(given[1])) == -1 && PyErr_Occurred())) {
        PyErr_SetString(PyExc_TypeError, "a decoder takes bytes and a position");
        return NULL;
    }
    const unsigned char *bytes = (const unsigned char *)PyBytes_AS_STRING(given[0]);
    Py_ssize_t size = PyBytes_GET_SIZE(given[0]);
    if (start >= 0 && start <= size) {
        Cursor in = {bytes + start, bytes + size, self->amount};
        PyObject *value = read_value(&self->root, &in);
        if (value != NULL)
            return Py_BuildValue("Nn", value, (Py_ssize_t)(in.at - bytes));
        PyErr_Clear();
    }
    return PyObject_Vectorcall(self->reference, given, 2, NULL);
}

static PyObject *encode(PyObject *callable, PyObject *const *given, size_t count, PyObject *names)
{
    Walker *self = (Walker *)callable;
    if (PyVectorcall_NARGS(count) != 2 || names != NULL || !PyBytes_CheckExact(given[1])) {
        PyErr_SetString(PyExc_TypeError, "an encoder takes a record and the bytes before it");
        return NULL;
    }
    Out out;
    out.bytes = out.near;
    out.own = NULL;
    out.size = 0;
    out.room = sizeof out.near;
    out.amount = self->amount;
    PyObject *message = NULL;
    if (put(&out, PyBytes_AS_STRING(given[1]), PyBytes_GET_SIZE(given[1])) && put_record(&self->root, given[0], &out))
        message = PyBytes_FromStringAndSize((const char *)out.bytes, out.size);
    PyMem_Free(out.own);
    if (message != NULL)
        return message;
    PyErr_Clear();
    return PyObject_Vectorcall(self->reference, given, 2, NULL);
}

static void walker_dealloc(PyObject *object)
{
    Walker *self = (Walker *)object;
    clear_node(&self->root);
    Py_CLEAR(self->reference);
    Py_CLEAR(self->amount);
    Py_TYPE(object)->tp_free(object);
}

static PyTypeObject WalkerType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "schemas.native.Walker",
    .tp_doc = "Goes through a message by its plan.",
    .tp_basicsize = sizeof(Walker),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL,
    .tp_vectorcall_offset = offsetof(Walker, call),
    .tp_call = PyVectorcall_Call,
    .tp_dealloc = walker_dealloc,
};

static PyObject *make_walker(PyObject *arguments, vectorcallfunc call)
{
    PyObject *plan, *reference, *amount;
    if (!PyArg_ParseTuple(arguments, "OOO", &plan, &reference, &amount))
        return NULL;
    Walker *self = (Walker *)WalkerType.tp_alloc(&WalkerType, 0);
    if (self == NULL)
        return NULL;
    self->call = call;
    self->reference = Py_NewRef(reference);
    self->amount = Py_NewRef(amount);
    if (fill_node(&self->root, plan, 0) == 0 && self->root.kind == IS_RECORD)
        return (PyObject *)self;
    Py_DECREF(self);
    if (!PyErr_Occurred())
        PyErr_SetString(PyExc_ValueError, "a plan that is no record's");
    return NULL;
}

static PyObject *make_decoder(PyObject *module, PyObject *arguments)
{
    return make_walker(arguments, decode);
}

static PyObject *make_encoder(PyObject *module, PyObject *arguments)
{
    return make_walker(arguments, encode);
}

static PyMethodDef METHODS[] = {
    {"decoder", make_decoder, METH_VARARGS, "decoder(plan, reference, amount): see native.pyi."},
    {"encoder", make_encoder, METH_VARARGS, "encoder(plan, reference, amount): see native.pyi."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef MODULE = {
    PyModuleDef_HEAD_INIT, .m_name = "schemas.native", .m_doc = "Reads and writes Avro by a plan.", .m_size = -1, .m_methods = METHODS,
};

PyMODINIT_FUNC PyInit_native(void)
{
    return PyType_Ready(&WalkerType) < 0 ? NULL : PyModule_Create(&MODULE);
}
