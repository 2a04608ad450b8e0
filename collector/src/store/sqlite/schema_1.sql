-- What operators set.

create table workspace (
    id integer primary key,
    name text not null unique
);
insert into workspace (id, name) values (1, 'default');

create table write_key (
    id integer primary key autoincrement, -- a source is never another key's
    workspace integer not null,
    right text not null,
    digest blob not null unique,
    name text,
    origins text not null, -- one on a line
    trust text not null,
    created_at integer not null,
    revoked_at integer
);

create table identity_key (
    id integer primary key autoincrement,
    workspace integer not null,
    kid text not null,
    alg text not null,
    material blob not null, -- of HS256 the secret, without which nothing could be checked; else a public key
    created_at integer not null,
    revoked_at integer
);

create table destination (
    name text primary key,
    event_seq integer not null,
    change_seq integer not null
) without rowid;

create table rule (
    workspace integer not null,
    name text not null,
    value text not null,
    primary key (workspace, name)
) without rowid;

create table decision (
    id integer primary key autoincrement,
    workspace integer not null,
    verb integer not null,
    x integer not null,
    y integer,
    reason text not null,
    author text not null,
    at integer not null,
    withdrawn_at integer
);
create index decision_x on decision (x);
create index decision_y on decision (y);

-- Random bytes that never leave the ledger, and by what it knows a key again that it does not hold.
create table secret (
    name text primary key,
    value blob not null
) without rowid;

-- Who was erased, by keyed hashes of names: what they said before is not taken in again.
create table erasure (
    workspace integer not null,
    hash blob not null,
    at integer not null,
    is_suppressed integer not null,
    is_derived integer not null, -- a digest of what was erased, not said itself
    primary key (workspace, hash)
) without rowid;

create table dead_letter (
    id integer primary key,
    destination text not null,
    message_id text not null,
    reason text not null,
    body blob not null,
    at integer not null
);
create index dead_letter_destination on dead_letter (destination, id);

-- What was said. Times are milliseconds since 1970, UTC.

create table batch (
    id integer primary key,
    workspace integer not null,
    source integer not null,
    received_at integer not null,
    sent_at integer,
    via integer not null,
    context blob not null
);

create table event (
    seq integer primary key, -- the order of commits; the row of the highest is never deleted, so none is used twice
    workspace integer not null,
    message_id text not null,
    batch integer not null,
    shape integer not null,
    type integer not null,
    name text,
    time integer not null,
    raw blob not null
);
create unique index event_message on event (workspace, message_id);
create index event_shape on event (shape, time);

create table identifier (
    id integer primary key,
    workspace integer not null,
    class integer not null,
    kind text not null,
    value text not null,
    profile_id blob not null unique -- of the profile that it leads, or that is its own: a hash of workspace, kind and value
);

-- The digests that clear values may be said by: their first eight bytes, since what is found is computed again.
create table digest (
    workspace integer not null,
    kind text not null,
    prefix integer not null,
    identifier integer not null,
    primary key (workspace, kind, prefix, identifier)
) without rowid;

-- Of a name whose clear value is not kept, every digest that it may be said by: nobody could compute them again. Keyed,
-- as the name is.
create table kept_digest (
    identifier integer not null,
    digest text not null,
    primary key (identifier, digest)
) without rowid;

create table shape (
    id integer primary key autoincrement, -- the row of a superseded snapshot is deleted; its id is not used again
    workspace integer not null,
    digest blob not null,
    source integer not null,
    is_snapshot integer not null,
    anchor integer,
    rank integer not null,
    guard integer not null, -- 0 nothing is taken out, 1 nothing yet, 2 held names, 3 everyone
    names_someone integer not null, -- 0 no, 1 yes, 2 also somebody who was erased
    first_time integer not null,
    first_message_id text not null,
    event_count integer, -- once there are many: few are counted where they are listed, and cost no write here
    unique (workspace, digest)
);
create index shape_guard on shape (workspace) where guard = 1;
create index shape_anchor on shape (anchor) where anchor is not null;

create table shape_identifier (
    shape integer not null,
    identifier integer not null,
    role integer not null, -- 0 device, 1 the only account or contact, 2 one of several, 3 the older name of an alias
    strength integer not null,
    primary key (shape, identifier)
) without rowid;
create index shape_identifier_identifier on shape_identifier (identifier, role, strength);

create index shape_identifier_alias on shape_identifier (shape) where role = 3;

create table trait_set (
    shape integer not null,
    name text not null,
    time integer not null,
    message_id text not null,
    value text not null,
    primary key (shape, name, time, message_id)
) without rowid;

create table snapshot (
    workspace integer not null,
    subject text not null,
    version integer not null,
    seq integer not null,
    shape integer not null,
    primary key (workspace, subject)
) without rowid;

-- What a token proved and the rules leave out: tokens are not stored, and other rules may let it count again.
create table set_aside (
    workspace integer not null,
    message_id text not null,
    kind text not null,
    value text not null,
    primary key (workspace, message_id, kind)
) without rowid;

-- What the erased leave on devices that others used too: that somebody was there, without a name.
create table nameless_mark (
    device integer not null,
    time integer not null,
    message_id text not null,
    person integer not null, -- below 0, and another for each who was erased
    rank integer not null,
    guard integer not null,
    primary key (device, time, message_id, person)
) without rowid;

-- What follows from it.

-- Where a name stands in both placings; the second only of a name that heads a trusted person.
create table placement (
    identifier integer primary key,
    leader integer,
    quarantine integer,
    same_as integer, -- the name that is placed in its stead
    is_held integer not null,
    is_ignored integer not null,
    trusted_head integer,
    trusted_kind integer,
    trusted_steps integer,
    trusted_from integer,
    trusted_to integer,
    trusted_time integer,
    trusted_message_id text,
    kind integer,
    steps integer,
    parent_from integer,
    parent_to integer,
    parent_time integer,
    parent_message_id text
);
create index placement_leader on placement (leader);
create index placement_trusted_head on placement (trusted_head);
create index placement_same_as on placement (same_as) where same_as is not null;

create table conflict (
    x integer not null,
    y integer not null,
    workspace integer not null,
    reason integer not null,
    time integer not null,
    message_id text not null, -- of a link decision:ID
    said_by integer not null, -- 0 an edge, 1 an alias, 2 a link
    source integer, -- null of a link, as is the strength
    strength integer,
    decision integer, -- of a link
    primary key (x, y)
) without rowid;
create index conflict_y on conflict (y);
create index conflict_order on conflict (workspace, time, message_id);

create table profile (
    identifier integer primary key,
    workspace integer not null,
    version integer not null,
    change_seq integer not null,
    is_alive integer not null,
    heir integer -- of one that ended: the profile that has what it had
);

-- Which profile's newest snapshot has which place, and had: written at its end alone. A row that its profile's
-- change_seq left behind says nothing.
create table renewal (
    seq integer primary key,
    profile integer not null
);

create table change (
    seq integer primary key,
    workspace integer not null,
    kind integer not null,
    profile integer not null,
    other integer,
    because text not null
);
